"""The platform on a Kubernetes cluster: what ``make up`` and the end-to-end tests do, step by step.

The chart and the manifests know nothing of this package, and run on any cluster without it.
"""

"""The platform on a Kubernetes cluster: the steps of ``make up`` and of the end-to-end tests.

The chart and the manifests do not depend on this package, and work on any cluster without it.
"""

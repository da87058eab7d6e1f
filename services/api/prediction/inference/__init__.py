"""Requests and responses of the Open Inference Protocol, version 2. Pure: bytes in, arrays and bytes out.

Source: github.com/kserve/open-inference-protocol, and Triton's extension for binary tensor data.
"""

"""The long tail of services, through the library Apprise (an extra), in a process of its own.

Its plug-ins speak to wherever they like, past the egress guard, so it is only for channels of the
configuration file, and nothing of it runs in this process.
"""

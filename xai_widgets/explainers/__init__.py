"""Attribution methods: one file each, found by `core.registry.EXPLAINERS`; drop a file in and it is there."""

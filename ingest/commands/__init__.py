"""The sub-commands of ``smartstore-ingest``: one module a group of verbs, each with ``add_parser(subparsers)``."""

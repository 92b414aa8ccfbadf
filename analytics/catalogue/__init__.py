"""The catalogue of metrics, a module an area: what each is called, what it needs, its formula and its source."""

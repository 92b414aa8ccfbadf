"""Comparisons of two windows and of several stores, each with both coverages and completenesses."""

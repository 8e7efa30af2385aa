"""Trying rules without a service: check, trace, test and backtest."""

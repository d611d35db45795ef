"""Forecasters: their interface, the forecasts they return, and the specs by which plugins provide them."""

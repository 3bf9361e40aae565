"""能耗与峰值: energy, maximum demand, load factor and idle share."""

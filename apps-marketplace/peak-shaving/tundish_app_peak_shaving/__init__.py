"""能耗预测与削峰: the load of the day to come, its peak, and what could run at another time."""

"""液压系统工况分类: four conditions of a hydraulic bench from each load cycle."""

"""轴承健康: vibration of a bearing against its own beginning."""

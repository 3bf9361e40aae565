"""Kit `plate-line`: surface inspection of steel plates and the line's energy meter."""

from __future__ import annotations

from typing import Final

from tundish_connectors.lines.kit import LineKit, measured, text
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec

PLATE_PERIOD_S: Final = 30.0
METER_PERIOD_S: Final = 900.0

# variable, semantic below "defect.", Chinese name, English name; the order is the published data set's.
FEATURES: Final = (
    ("XMinimum", "x_minimum", "缺陷 X 最小坐标", "Defect X minimum"),
    ("XMaximum", "x_maximum", "缺陷 X 最大坐标", "Defect X maximum"),
    ("YMinimum", "y_minimum", "缺陷 Y 最小坐标", "Defect Y minimum"),
    ("YMaximum", "y_maximum", "缺陷 Y 最大坐标", "Defect Y maximum"),
    ("PixelsAreas", "pixels_areas", "像素面积", "Area in pixels"),
    ("XPerimeter", "x_perimeter", "X 向周长", "X perimeter"),
    ("YPerimeter", "y_perimeter", "Y 向周长", "Y perimeter"),
    ("SumOfLuminosity", "sum_of_luminosity", "亮度总和", "Sum of luminosity"),
    ("MinimumOfLuminosity", "minimum_of_luminosity", "亮度最小值", "Minimum of luminosity"),
    ("MaximumOfLuminosity", "maximum_of_luminosity", "亮度最大值", "Maximum of luminosity"),
    ("LengthOfConveyer", "length_of_conveyer", "输送机长度", "Length of conveyer"),
    ("TypeOfSteelA300", "type_of_steel_a300", "钢种 A300", "Steel type A300"),
    ("TypeOfSteelA400", "type_of_steel_a400", "钢种 A400", "Steel type A400"),
    ("SteelPlateThickness", "steel_plate_thickness", "钢板厚度", "Plate thickness"),
    ("EdgesIndex", "edges_index", "边缘指数", "Edges index"),
    ("EmptyIndex", "empty_index", "空域指数", "Empty index"),
    ("SquareIndex", "square_index", "方形指数", "Square index"),
    ("OutsideXIndex", "outside_x_index", "X 外廓指数", "Outside X index"),
    ("EdgesXIndex", "edges_x_index", "X 边缘指数", "Edges X index"),
    ("EdgesYIndex", "edges_y_index", "Y 边缘指数", "Edges Y index"),
    ("OutsideGlobalIndex", "outside_global_index", "全局外廓指数", "Outside global index"),
    ("LogOfAreas", "log_of_areas", "面积对数", "Logarithm of area"),
    ("LogXIndex", "log_x_index", "X 对数指数", "Logarithmic X index"),
    ("LogYIndex", "log_y_index", "Y 对数指数", "Logarithmic Y index"),
    ("OrientationIndex", "orientation_index", "方向指数", "Orientation index"),
    ("LuminosityIndex", "luminosity_index", "亮度指数", "Luminosity index"),
    ("SigmoidOfAreas", "sigmoid_of_areas", "面积 S 形函数值", "Sigmoid of area"),
)

_RESULTS = tuple(
    SignalSpec(
        path=f"SIS1/Result/{variable}",
        name_zh=name_zh,
        name_en=name_en,
        semantic=f"defect.{semantic}",
        role=SignalRole.RESULT,
        step=True,
    )
    for variable, semantic, name_zh, name_en in FEATURES
)

_PIECE = (
    text("SIS1/Tracking/PlateId", ("钢板编号", "Plate identity"), "identity.piece", SignalRole.IDENTITY),
    text("SIS1/Tracking/State", ("表检仪状态", "Inspection state"), "state.packml", period_s=PLATE_PERIOD_S),
    SignalSpec(
        path="SIS1/Result/FeatureVector",
        name_zh="缺陷特征向量",
        name_en="Defect feature vector",
        semantic="vector.defect",
        kind=SampleKind.ARRAY,
        role=SignalRole.RESULT,
        step=True,
    ),
    text(
        "SIS1/Inspection/FaultClass",
        ("缺陷类别(检验)", "Fault class (inspected)"),
        "label.fault_class",
        SignalRole.LABEL,
    ),
)

_METER = (
    measured(
        "EM1/Meter/ActiveImport",
        ("有功电能表底", "Active energy import"),
        "energy.active",
        "kW.h",
        (0.0, 1e9),
        METER_PERIOD_S,
    ).model_copy(update={"role": SignalRole.COUNTER}),
    measured(
        "EM1/Meter/Usage",
        ("15 分钟用电量", "Energy of 15 minutes"),
        "energy.active.interval",
        "kW.h",
        (0.0, 250.0),
        METER_PERIOD_S,
    ),
    measured(
        "EM1/Meter/ReactiveLagging",
        ("感性无功电能", "Lagging reactive energy"),
        "energy.reactive.lagging",
        "kvar.h",
        (0.0, 150.0),
        METER_PERIOD_S,
    ),
    measured(
        "EM1/Meter/ReactiveLeading",
        ("容性无功电能", "Leading reactive energy"),
        "energy.reactive.leading",
        "kvar.h",
        (0.0, 150.0),
        METER_PERIOD_S,
    ),
    measured(
        "EM1/Meter/PowerFactorLagging",
        ("感性功率因数", "Lagging power factor"),
        "ratio.power_factor",
        "%",
        (0.0, 100.0),
        METER_PERIOD_S,
    ),
    text("EM1/Meter/LoadType", ("负荷类型", "Load type"), "state.load_type", period_s=METER_PERIOD_S),
)

PLATE_LINE: Final = LineKit(
    id="plate-line",
    name_zh="热轧钢板线",
    name_en="Hot-rolled plate line",
    line="LG-Site/HotRolling/HSM1",
    signals=_RESULTS + _PIECE + _METER,
)

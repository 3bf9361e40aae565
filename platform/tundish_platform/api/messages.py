"""What a status means for the caller and what to do next: code, English, Chinese."""

from __future__ import annotations

from typing import Final

BY_STATUS: Final = {
    400: (
        "bad_request",
        "The request cannot be understood. Compare it with the API reference.",
        "请求无法识别。请对照接口文档检查。",
    ),
    401: (
        "unauthorized",
        "A valid token is needed. Send 'Authorization: Bearer <token>', or ask the owner for a new one.",
        "需要有效的令牌。请发送 Authorization: Bearer <令牌>; 若已失效, 请向企业管理员申请新的令牌。",
    ),
    403: (
        "forbidden",
        "Your roles do not allow this. Ask the owner of the tenant for the role that does.",
        "您的角色无权执行此操作。请向企业管理员申请相应角色。",
    ),
    404: (
        "not_found",
        "There is nothing here that you may see. Check the address.",
        "此处没有您可以查看的内容。请检查地址。",
    ),
    405: (
        "method_not_allowed",
        "This address does not take that method. See the Allow header.",
        "此地址不支持该方法。请参阅 Allow 响应头。",
    ),
    409: (
        "conflict",
        "Somebody else changed the same thing at the same moment. Read it again, then repeat.",
        "同一内容刚被他人修改。请重新读取后再试。",
    ),
    412: (
        "changed_meanwhile",
        "What stands is not the version that If-Match names. Read it again, then repeat.",
        "内容已变化, 与 If-Match 所指版本不符。请重新读取后再试。",
    ),
    413: (
        "too_large",
        "The body is too large. Send it in smaller parts.",
        "请求体过大。请分批发送。",
    ),
    415: (
        "unsupported_media_type",
        "The body has the wrong content type. Compare it with the API reference.",
        "请求体的内容类型不正确。请对照接口文档检查。",
    ),
    422: (
        "invalid",
        "The request is well formed, but a value in it cannot be used.",
        "请求格式正确, 但其中的某个值无法使用。",
    ),
    428: (
        "version_needed",
        "Say which version is to be changed: send If-Match with the ETag that was read.",
        "请说明要修改的版本: 在 If-Match 中发送读取时得到的 ETag。",
    ),
    429: (
        "too_many_requests",
        "More requests than the limit allows. Come again after the seconds in Retry-After.",
        "请求过于频繁, 超过限额。请在 Retry-After 所示秒数之后再试。",
    ),
    500: (
        "internal",
        "The platform failed at this; acknowledged data is safe. Try again, then tell the operator.",
        "平台处理失败, 已确认的数据不受影响。请重试; 若仍失败, 请联系运维人员。",
    ),
    503: (
        "busy",
        "The platform is busy or starting. Try again in a few seconds.",
        "平台繁忙或正在启动。请数秒后重试。",
    ),
    507: (
        "storage_full",
        "The disk is full and nothing was written. Keep the data; send it when the operator has made room.",
        "存储空间已满, 未写入任何数据。请保留数据, 待运维人员清理空间后重新发送。",
    ),
}

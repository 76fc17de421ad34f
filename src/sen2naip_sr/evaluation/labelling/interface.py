"""What Label Studio shows for a task, and the names of the answers in its exports."""

PREFERENCE, OTHERWISE, FLAGS, IMAGERY = (
    "preference",
    "otherwise",
    ("flags_left", "flags_right"),
    "imagery",
)
TIE, BOTH_BAD, BAD_CHIP = "tie", "both bad", "bad imagery"
QUALITY = ("invented object", "ringing", "colour shift", "checkerboard")


def interface(reference: bool) -> str:
    """Return the interface of a comparison, in Label Studio's XML.

    Args:
        reference: Whether a third image is shown above the two.
    """
    above = (
        '<View style="max-width:420px;margin:auto"><Header value="Before"/>'
        '<Image name="reference" value="$reference" smoothing="false"/></View>'
        if reference
        else ""
    )
    sides = "".join(
        f'<View style="flex:1"><Header value="{letter}"/>'
        f'<Image name="{side}" value="${side}" smoothing="false"/>'
        f'<Choices name="{flags}" toName="{side}" choice="multiple" showInLine="true">'
        f"{_choices(QUALITY)}"
        "</Choices></View>"
        for letter, side, flags in zip("AB", ("left", "right"), FLAGS, strict=True)
    )
    return (
        '<View><Header value="Which looks better: A or B?"/>'
        f'{above}<View style="display:flex;gap:12px">{sides}</View>'
        f'<Pairwise name="{PREFERENCE}" toName="left,right"/>'
        f'<Choices name="{OTHERWISE}" toName="left" choice="single" showInLine="true">'
        f"{_choices((TIE, BOTH_BAD))}</Choices>"
        f'<Choices name="{IMAGERY}" toName="left" choice="multiple" showInLine="true">'
        f"{_choices((BAD_CHIP,))}</Choices></View>"
    )


def _choices(values: tuple[str, ...]) -> str:
    return "".join(f'<Choice value="{value}"/>' for value in values)

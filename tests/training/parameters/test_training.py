import pytest
from pydantic import ValidationError

from sen2naip_sr.training.parameters import TrainingParameters


def test_needs_a_length():
    with pytest.raises(ValidationError, match="give 'steps' or 'minutes'"):
        TrainingParameters()


def test_minutes_replace_steps():
    assert TrainingParameters(steps=10, minutes=1.0).steps is None


@pytest.mark.parametrize("length", [{"steps": 10}, {"minutes": 0.5}])
def test_either_length_will_do(length):
    assert TrainingParameters(**length).model_dump(include=set(length)) == length


@pytest.mark.parametrize(
    "mistake",
    [
        {"learning_rate": 0},
        {"ema_decay": 1.0},
        {"losses": {"l3": 1.0}},
        {"losses": {"l1": 0.0}},
        {"losses": {}},
        {"balance": "fair"},
        {"keep": "worst"},
        {"precision": "16-true"},
        {"accelerator": "abacus"},
        {"steps": 0},
        {"log_every": 0},
        {"optimizer": {"name": "AdamW"}},
        {"schedule": {"name": "cosin"}},
        {"adversarial": {"discriminator": "patches"}},
        {"adversarial": {"loss": "gan"}},
        {"batch_growth": {"largest": 0}},
        {"detail": {"share": 2}},
    ],
)
def test_refuses_values_out_of_range(mistake):
    with pytest.raises(ValidationError, match=next(iter(mistake))):
        TrainingParameters(**({"steps": 1} | mistake))


def test_a_batch_that_is_to_grow_has_two_halves_to_compare():
    growth = {"batch_growth": {"largest": 2}}
    with pytest.raises(ValidationError, match="set batch_size to 2 or more"):
        TrainingParameters(steps=1, batch_size=1, **growth)
    assert TrainingParameters(steps=1, batch_size=2, **growth).batch_growth.largest == 2
    assert TrainingParameters(steps=1, batch_size=1).batch_growth.largest == 1

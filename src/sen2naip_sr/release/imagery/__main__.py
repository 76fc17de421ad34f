"""Pack imagery, train the shipped networks on it, ship them, and calibrate intervals.

    python -m sen2naip_sr.release.imagery pack --data FOLDER ... --out FOLDER [--leaves N]
    python -m sen2naip_sr.release.imagery train --packed FOLDER --out FOLDER --seconds N
    python -m sen2naip_sr.release.imagery distil --packed FOLDER --start FILE --teacher FILE \
        --out FILE --seconds N
    python -m sen2naip_sr.release.imagery ship --trained FOLDER --calibrate SENSOR=PLACE ... \
        --test SENSOR=PLACE --test SENSOR=PLACE ...
    python -m sen2naip_sr.release.imagery calibrate WEIGHTS ... --on SENSOR=PLACE ... \
        --test SENSOR=PLACE ...

Training needs torch, numpy, safetensors and pydantic, and uses a GPU if there is one.
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.names import FOLDER, SUFFIX

if TYPE_CHECKING:
    from sen2naip_sr.training.optimization.schedule import Budget


def main(arguments: list[str] | None = None) -> None:
    """Pack, train, ship, or calibrate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(required=True)
    pack = commands.add_parser("pack", help="pack GeoTIFFs losslessly")
    pack.add_argument(
        "--data", type=Path, nargs="+", required=True, help="places: folders of GeoTIFFs, GeoTIFFs"
    )
    pack.add_argument("--out", type=Path, required=True, help="folder of the packed files")
    pack.add_argument("--most", type=float, help="largest size of all files, MB")
    pack.add_argument("--leaves", type=int, default=0, help="number of synthetic images to add")
    pack.set_defaults(run=_pack)
    train = commands.add_parser("train", help="train the networks")
    train.add_argument("--packed", type=Path, required=True, help="folder of packed files")
    train.add_argument("--out", type=Path, required=True, help="folder of the weights")
    _add_length(train)
    train.add_argument("--parameters", type=Path, help="JSON of an ImageryParameters")
    train.add_argument("--start", type=Path, help="folder of weights to start from")
    train.add_argument("--commit", help="the commit of this code, where git cannot tell it")
    train.set_defaults(run=_train)
    _add_distil(commands.add_parser("distil", help="train a network for 8 bits, from weights"))
    _add_ship(commands.add_parser("ship", help="check, score and ship trained networks"))
    _add_calibrate(commands.add_parser("calibrate", help="calibrate the intervals of weights"))
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        given.run(given)
    except UserError as error:
        sys.exit(str(error))


def _add_length(parser: argparse.ArgumentParser) -> None:
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--seconds", type=float, help="length of the training")
    length.add_argument("--steps", type=int, help="length of the training in iterations")


def _length(given: argparse.Namespace) -> "Budget":
    from sen2naip_sr.training.optimization.schedule import Budget

    return Budget(given.steps, None if given.seconds is None else given.seconds / 60)


def _parameters(given: argparse.Namespace) -> str:
    """Return the JSON of the parameters that are given."""
    return given.parameters.read_text(encoding="utf-8") if given.parameters else "{}"


def _pack(given: argparse.Namespace) -> None:
    from sen2naip_sr.release.imagery.pack import pack, pack_leaves

    pack(given.data, given.out, given.most)
    if given.leaves:
        pack_leaves(given.leaves, given.out)


def _train(given: argparse.Namespace) -> None:
    from sen2naip_sr.release.imagery.parameters import ImageryParameters
    from sen2naip_sr.release.imagery.training import train

    parameters = ImageryParameters.model_validate_json(_parameters(given))
    budget = _length(given)
    train(given.packed, given.out, parameters, budget, start=given.start, commit=given.commit)


def _add_distil(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--packed", type=Path, required=True, help="folder of packed files")
    parser.add_argument("--start", type=Path, required=True, help="weights to start from")
    parser.add_argument("--teacher", type=Path, required=True, help="weights to learn from")
    parser.add_argument("--out", type=Path, required=True, help="file of the weights")
    _add_length(parser)
    parser.add_argument("--parameters", type=Path, help="JSON of a DistillingParameters")
    parser.add_argument("--commit", help="the commit of this code, where git cannot tell it")
    parser.set_defaults(run=_distil)


def _distil(given: argparse.Namespace) -> None:
    from sen2naip_sr.release.imagery.distilling import distil
    from sen2naip_sr.release.imagery.parameters import DistillingParameters
    from sen2naip_sr.weights.files import load_weights

    distil(
        given.packed,
        given.out,
        DistillingParameters.model_validate_json(_parameters(given)),
        _length(given),
        teacher=load_weights(given.teacher),
        start=load_weights(given.start),
        commit=given.commit,
    )


def _add_ship(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trained", type=Path, required=True, help="folder of trained weights")
    parser.add_argument(
        "--test",
        type=_sensor_place,
        action="append",
        required=True,
        metavar="SENSOR=PLACE",
        help="a test place: a folder of GeoTIFFs or a GeoTIFF, and its sensor in words",
    )
    parser.add_argument(
        "--calibrate",
        type=_sensor_place,
        action="append",
        required=True,
        metavar="SENSOR=PLACE",
        help="a place that calibrates the intervals; half precision is checked on the first",
    )
    parser.add_argument("--images", type=int, help="most images of a test place to score")
    parser.add_argument("--commit", help="the commit that trained them, for the headers")
    parser.add_argument("--packed", type=Path, help="what they were trained on, for the headers")
    parser.add_argument("--target", type=Path, default=FOLDER, help="the shipped weights' folder")
    parser.add_argument(
        "--force", action="store_true", help="ship them even if an interpolation is better"
    )
    parser.set_defaults(run=_ship)


def _add_calibrate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", type=Path, nargs="+", help="weights files, or shipped names")
    for option, required, text in (
        ("--on", True, "a place that calibrates: a folder of GeoTIFFs or a GeoTIFF"),
        ("--test", False, "a place on which the coverage is measured"),
    ):
        parser.add_argument(
            option,
            type=_sensor_place,
            action="append",
            default=None if required else [],
            required=required,
            metavar="SENSOR=PLACE",
            help=text,
        )
    parser.add_argument("--images", type=int, default=24, help="most images of a place")
    parser.set_defaults(run=_calibrate)


def _calibrate(given: argparse.Namespace) -> None:
    from sen2naip_sr.release.imagery.shipping.intervals import CalibrationOrder, calibrate_files

    files = [path if path.suffix else FOLDER / f"{path}{SUFFIX}" for path in given.weights]
    calibrate_files(CalibrationOrder(files, given.on, given.test, given.images))


def _sensor_place(text: str) -> tuple[str, Path]:
    sensor, separator, path = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"'{text}' is not SENSOR=PLACE")
    return sensor, Path(path)


def _ship(given: argparse.Namespace) -> None:
    from sen2naip_sr.release.imagery.shipping.ship import Order, ship

    order = Order(
        trained=given.trained,
        tests=given.test,
        calibration=given.calibrate,
        target=given.target,
        images=given.images,
        commit=given.commit,
        packed=given.packed,
        force=given.force,
    )
    ship(order)


if __name__ == "__main__":
    main()

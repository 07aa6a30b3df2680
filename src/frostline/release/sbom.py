"""Writes the bill of materials (CycloneDX 1.6) and the licences of a bundle."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from email.parser import Parser
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from frostline import __version__
from frostline.core import workspace
from frostline.freeze import contents, provenance
from frostline.freeze.bundle import Bundle, require_bundle
from frostline.profile.build import Build
from frostline.profile.resources import Resource, wanted

_NAMESPACE = uuid.UUID("b2f9d6d2-6c0e-5c1b-9d57-8f4f4f0a7c11")
_LICENCE_NAMES = ("licen", "copying", "notice", "authors")
_RULE = "=" * 78


def write_bill(build: Build) -> tuple[Path, Path]:
    """Write the bill of materials and the licences of the bundle of *build*; return both files.

    Both are reproducible. Raises NotBuiltError, SmokeError, UsageError, OSError.
    """
    with build.exclusively():
        return _write(build, require_bundle(build), wanted(build))


def _write(build: Build, bundle: Bundle, resources: Sequence[Resource]) -> tuple[Path, Path]:
    texts = {
        item.name: item.read().decode("utf-8", "replace")
        for item in contents.walk(build.bundle)
        if ".dist-info/" in item.name and not item.link
    }
    metadata = {
        str(canonicalize_name(str(found["Name"]))): found
        for name, text in texts.items()
        if name.endswith("/METADATA")
        for found in [Parser().parsestr(text, headersonly=True)]
    }
    bill, notice = (
        build.report("sbom.cdx"),
        build.notice,
    )
    workspace.write(bill, _bill(build, bundle, resources, metadata))
    workspace.write(notice, _notice(bundle, metadata, texts))
    return bill, notice


def _bill(
    build: Build, bundle: Bundle, resources: Sequence[Resource], metadata: Mapping[str, Message]
) -> str:
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, bundle.inputs))
    product = Component(
        name=bundle.product, version=bundle.version, type=ComponentType.APPLICATION,
        bom_ref=f"{bundle.product}@{bundle.version}",
    )  # fmt: skip
    bom.metadata.component = product
    bom.metadata.tools.components.add(
        Component(name="frostline", version=__version__, type=ComponentType.APPLICATION)
    )
    parts = [
        *(_distribution(name, bundle, metadata) for name in bundle.collected),
        _part("frostline-runtime", __version__, "MIT"),
        _part("cpython", bundle.python, "PSF-2.0"),
        *_system_libraries(build, bundle),
        *(_resource(resource) for resource in resources if resource.when == "build"),
    ]
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(product, parts)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"]["timestamp"]  # reproducible: the same bundle gives the same bytes
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _distribution(name: str, bundle: Bundle, metadata: Mapping[str, Message]) -> Component:
    found = metadata.get(name, Message())
    version, number = bundle.collected[name]
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", None, name, version), bom_ref=f"pypi:{name}",
        description=found["Summary"], licenses=[*_licenses(found)],
        components=[_compiled(name, *part) for part in bundle.parts.get(name, ())],
        properties=[Property(name="frostline:collected", value=str(number))],
    )  # fmt: skip


def _compiled(inside: str, name: str, version: str, url: str, licence: str) -> Component:
    """Return the component for a library that is compiled into the distribution *inside*."""
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"{inside}:{url}",
        purl=PackageURL.from_string(url),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
    )  # fmt: skip


def _licenses(found: Message) -> Iterator[License]:
    """Yield the licence in the metadata *found*, as an SPDX expression if it is one."""
    licence = str(found["License-Expression"] or found["License"] or "").strip()
    if not licence or "\n" in licence:
        classifiers = [str(c) for c in found.get_all("Classifier") or ()]
        names = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License ::")]
        licence = " AND ".join(names) if len(names) == 1 else "; ".join(names)
    if licence:
        yield LicenseFactory().make_from_string(licence)


def _part(name: str, version: str, licence: str) -> Component:
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"generic:{name}",
        purl=PackageURL("generic", None, name, version), licenses=[LicenseExpression(licence)],
    )  # fmt: skip


def _system_libraries(build: Build, bundle: Bundle) -> Iterator[Component]:
    """Yield the libraries that were copied from the build machine's operating system."""
    sums = {item.place: item for item in contents.walk(build.bundle)}
    for place, owner in sorted(bundle.libraries.items()):
        if owner == provenance.SYSTEM and place in sums:
            found = hashlib.sha256(sums[place].read()).hexdigest()
            yield Component(
                name=place, type=ComponentType.LIBRARY, bom_ref=f"system:{place}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=found)],
                properties=[Property(name="frostline:origin", value="system of the build")],
            )  # fmt: skip


def _resource(resource: Resource) -> Component:
    hashes = (
        [HashType(alg=HashAlgorithm.SHA_256, content=resource.sha256)] if resource.sha256 else []
    )
    return Component(
        name=resource.name, version=resource.version, type=ComponentType.FILE, hashes=hashes,
        bom_ref=f"resource:{resource.name}", licenses=[DisjunctiveLicense(name=resource.licence)],
        properties=[Property(name="frostline:url", value=resource.url)],
    )  # fmt: skip


def _notice(bundle: Bundle, metadata: Mapping[str, Message], texts: Mapping[str, str]) -> str:
    """Return the licence texts of all distributions, ordered by name."""
    lines = [f"{bundle.product} {bundle.version} contains third-party software.", ""]
    for name, (version, _) in bundle.collected.items():
        found = metadata.get(name, Message())
        named = "; ".join(map(_shown, _licenses(found)))
        lines += [_RULE, f"{name} {version}: {named or 'see below'}", ""]
        for place, text in sorted(texts.items()):
            folder, _, file = place.rpartition("/")
            owner = folder.partition(".dist-info")[0].rpartition("/")[2].partition("-")[0]
            if canonicalize_name(owner) == name and file.lower().startswith(_LICENCE_NAMES):
                lines += [f"--- {file}", text.strip(), ""]
    return "\n".join(lines) + "\n"


def _shown(licence: License) -> str:
    if isinstance(licence, LicenseExpression):
        return licence.value
    return licence.id or licence.name or ""

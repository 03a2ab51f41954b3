# SPDX-License-Identifier: BSD-3-Clause
"""Authorities, certificates, revocation lists and OCSP responses for a scenario, by openssl, in a directory of its own."""

import os
import subprocess


def openssl(*args, text=None):
    done = subprocess.run(["openssl", *args], input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"openssl {' '.join(args)}: {done.stderr}"
    return done.stdout


class Authority:
    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        os.makedirs(directory, exist_ok=True)
        self.key, self.pem = self.path(f"{name}.key"), self.path(f"{name}.pem")
        self.crl = self.path(f"{name}.crl")
        self.index = self.path(f"{name}.index")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.pem, "-days", "30", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
        os.chmod(self.key, 0o600)
        for path, text in ((self.index, ""), (self.path(f"{name}.serial"), "1000\n"), (self.path(f"{name}.crlnumber"), "01\n")):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        with open(self.path(f"{name}.cnf"), "w", encoding="ascii") as file:
            file.write("[ca]\ndefault_ca=this\n[this]\n"
                       f"database={self.index}\nserial={self.path(name + '.serial')}\ncrlnumber={self.path(name + '.crlnumber')}\n"
                       f"new_certs_dir={directory}\ncertificate={self.pem}\nprivate_key={self.key}\ndefault_md=sha256\n"
                       "default_days=30\ndefault_crl_days=1\npolicy=any\nunique_subject=no\ncopy_extensions=copy\n"
                       "[any]\ncommonName=optional\n")
        self.revoke()

    def path(self, name):
        return os.path.join(self.directory, name)

    def ca(self, *args):
        return openssl("ca", "-config", self.path(f"{self.name}.cnf"), "-batch", *args)

    def issue(self, name, san, rsa=False, days=20, extra=()):
        """(chain, key) of a new certificate."""
        key, request, pem = (self.path(f"{name}{end}") for end in (".key", ".csr", ".pem"))
        kind = ("rsa:2048",) if rsa else ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        more = [word for line in (f"subjectAltName={san}", *extra) for word in ("-addext", line)]
        openssl("req", "-newkey", *kind, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}", *more)
        self.ca("-in", request, "-out", pem, "-notext", "-days", str(days))
        os.chmod(key, 0o600)
        with open(pem, "a", encoding="ascii") as chain, open(self.pem, encoding="ascii") as root:
            chain.write(root.read())
        return pem, key

    def revoke(self, pem=None):
        """And write the list anew."""
        if pem:
            self.ca("-revoke", pem)
        self.ca("-gencrl", "-out", self.crl)

    def ocsp(self, pem, out):
        """What the authority says about a certificate, for a day."""
        request = self.path("request.ocsp")
        openssl("ocsp", "-issuer", self.pem, "-cert", pem, "-reqout", request, "-no_nonce")
        openssl("ocsp", "-index", self.index, "-CA", self.pem, "-rsigner", self.pem, "-rkey", self.key, "-reqin", request,
                "-respout", out, "-ndays", "1")

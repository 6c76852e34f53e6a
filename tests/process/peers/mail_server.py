"""A mail server for tests: says its port, then each mail it accepts as a line of JSON.

usage: mail_server.py starttls|implicit CERT KEY MECHANISM...

Everybody has to authenticate as `me` with `swordfish`, over TLS. Mails are read by Python's own parser. Nobody is `nobody@...`, and the
first mail to `lost@...` is accepted without a word: the connection is gone.
"""

import asyncio
import email
import email.policy
import hmac
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

KNOWN = ["CRAM-MD5", "LOGIN", "PLAIN"]


def told(value):
    print(json.dumps(value), flush=True)


def is_me(server, session, envelope, mechanism, data):
    is_right = isinstance(data, LoginPassword) and data.login == b"me" and data.password == b"swordfish"
    # Not handled: the server says no in its own words.
    return AuthResult(success=is_right, handled=False, auth_data=mechanism)


class Handler:
    lost = 0

    async def auth_CRAM__MD5(self, server, args):
        challenge = b"<1.2@server.example.org>"
        answer = await server.challenge_auth(challenge)
        expected = b"me " + hmac.new(b"swordfish", challenge, "md5").hexdigest().encode()
        return AuthResult(success=answer == expected, handled=False, auth_data="CRAM-MD5")

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        parts = [part for part in mail.walk() if not part.is_multipart()]
        defects = [repr(defect) for part in mail.walk() for defect in part.defects]
        told(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "options": envelope.mail_options,
                "hello": session.host_name,
                "mechanism": session.auth_data,
                "is_encrypted": server.transport.get_extra_info("ssl_object") is not None,
                "headers": {name: str(value) for name, value in mail.items()},
                "parts": {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in parts},
                "defects": defects,
            }
        )
        if envelope.rcpt_tos[0].startswith("lost@") and Handler.lost == 0:
            Handler.lost += 1
            server.transport.abort()
        return "250 queued"


async def serve(mode, cert, key, mechanisms):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    is_implicit = mode == "implicit"

    def session():
        return SMTP(
            Handler(),
            hostname="server.example.org",
            require_starttls=not is_implicit,
            tls_context=None if is_implicit else context,
            auth_required=True,
            # It knows of no TLS but STARTTLS.
            auth_require_tls=not is_implicit,
            authenticator=is_me,
            auth_exclude_mechanism=[name for name in KNOWN if name not in mechanisms],
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if is_implicit else None)
    told({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))

"""``python -m web``: serves the application, without an access log (addresses hold tokens)."""

import uvicorn

from starter.doctor import load_safe_settings
from web.app import create_app
from web.http.defence.protocol import BoundedProtocol

# How long a connection is kept for the next request. A proxy must be the first to let go of one, or it sends a request
# into one that is just being closed: nginx keeps them for a minute. Without a proxy each visitor holds some of a
# bounded number.
PROXY_IDLE_SECONDS, IDLE_SECONDS = 75, 20

if __name__ == "__main__":
    settings = load_safe_settings()
    uvicorn.run(
        create_app(settings),
        host=settings.web_host,
        port=settings.web_port,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=PROXY_IDLE_SECONDS if settings.trusted_proxies else IDLE_SECONDS,
        timeout_graceful_shutdown=5,
        http=BoundedProtocol,
        limit_concurrency=settings.web_connections,
    )

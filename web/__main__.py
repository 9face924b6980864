"""``python -m web``: serves the application, without an access log (addresses hold tokens)."""

import uvicorn

from starter.doctor import load_safe_settings
from web.app import create_app
from web.http.defence.protocol import BoundedProtocol

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
        timeout_graceful_shutdown=5,
        http=BoundedProtocol,
        limit_concurrency=settings.web_connections,
    )

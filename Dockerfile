# The application's image: worker, web and migrations are one image with different commands.
FROM python:3.13.11-slim AS build
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.13.11-slim
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --create-home certify && install -d -o certify /data && \
    printf '#!/bin/sh\nexec python -m starter.cli.certify "$@"\n' >/usr/local/bin/certify && chmod +x /usr/local/bin/certify
COPY --from=build /venv /venv
COPY . /app
WORKDIR /app
RUN python -m compileall -q .
USER certify
VOLUME /data
EXPOSE 8000
CMD ["python", "worker.py"]

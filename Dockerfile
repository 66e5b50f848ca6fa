# azscan in a container: no root, no shell tools beyond the slim image's, nothing written but to /tmp.
#   docker build -t azscan:0.1.0 .
#   docker run --rm --read-only --tmpfs /tmp azscan:0.1.0 scan --demo
FROM python:3.13.5-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt pyproject.toml hatch_build.py README.md LICENSE ./
COPY src src
COPY checks checks
COPY mappings mappings
RUN python -m venv /opt/azscan \
    && /opt/azscan/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt .

FROM python:3.13.5-slim-bookworm
COPY --from=build /opt/azscan /opt/azscan
# State goes to /tmp, so that all else can be read-only; a report is printed or written to a mounted folder.
ENV PATH=/opt/azscan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AZSCAN_STATE_DIR=/tmp/azscan
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["azscan"]
CMD ["--help"]

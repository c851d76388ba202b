"""Inside of a Pod: run a command in a container, and read what it has written."""

from __future__ import annotations

import json
from typing import Any

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.kube import client, kubectl
from acplab.kube.client import TIMEOUT, translate_errors
from acplab.kube.showing import verb
from acplab.kube.verbs import get

EXEC_SECONDS = 60
ERROR_CHANNEL = 3  # of an exec's websocket: how the command ended


@verb(kubectl.exec)
def exec(pod: str, command: list[str], namespace: str | None = None, container: str | None = None) -> str:
    """The output of a command run in a Pod's container. AcplabError if it ends with another code than 0."""
    from kubernetes import client as library
    from kubernetes.stream import stream

    client.require_own_cluster()
    get("pod", pod, namespace)  # says which Pods there are, where the websocket would quote a handshake
    # A client of its own: stream() swaps the client's request function for a websocket while it runs.
    api = library.CoreV1Api(library.ApiClient(client.client().client.configuration))
    options = {"container": container} if container else {}
    shell = translate_errors(
        lambda: stream(api.connect_get_namespaced_pod_exec, pod, namespace or "default", command=[*command], stdin=False,
                       stdout=True, stderr=True, tty=False, _preload_content=False, _request_timeout=60, **options)
    )  # fmt: skip
    shell.run_forever(timeout=EXEC_SECONDS)
    try:
        _require_ended(shell, command[0], pod)
        return shell.read_stdout() + shell.read_stderr()
    finally:
        shell.close()


def _require_ended(shell: Any, program: str, pod: str) -> None:
    """AcplabError unless the command has ended with code 0."""
    if shell.is_open():
        raise AcplabError(
            _("{program} in Pod {pod} has not ended after {s} s.").format(program=program, pod=pod, s=EXEC_SECONDS),
            _("Run something that ends by itself."),
        )
    status = json.loads(shell.read_channel(ERROR_CHANNEL) or "{}")
    if status.get("status") == "Success":
        return
    causes = (status.get("details") or {}).get("causes") or []
    code = next((one["message"] for one in causes if one.get("reason") == "ExitCode"), None)
    if code is None:
        why = str(status.get("message") or _("the connection broke")).rsplit("unable to start container process: ")[-1]
        raise AcplabError(
            _("{program} could not be run in Pod {pod}: {why}").format(program=program, pod=pod, why=why),
            _("Check the command; many images hold one program and no shell."),
        )
    last = (shell.read_stderr() or shell.read_stdout()).strip().splitlines()[-1:] or [_("no output")]
    raise AcplabError(
        _("{program} in Pod {pod} ended with code {code}: {last}").format(
            program=program, pod=pod, code=code, last=last[0]
        ),
        _("Look at kube.logs({pod!r}) and at what the command needs.").format(pod=pod),
    )


@verb(kubectl.logs)
def logs(pod: str, namespace: str | None = None, tail: int | None = None, container: str | None = None) -> str:
    """What a Pod's container has written. tail: only the last so many lines."""
    from kubernetes import client as library

    api = library.CoreV1Api(client.client().client)
    options: dict[str, Any] = {"tail_lines": tail} if tail else {}
    options |= {"container": container} if container else {}
    try:
        return translate_errors(
            lambda: api.read_namespaced_pod_log(pod, namespace or "default", _request_timeout=TIMEOUT, **options)
        )
    except client.Refused as error:
        if error.status != 400:
            raise
        advice = _("Look at kube.events('pod', {pod!r}, namespace=...).").format(pod=pod)
        raise client.Refused(error.sentence, advice, error.status) from None

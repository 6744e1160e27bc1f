/** Why a program could not be run at all: what its image has of it, and lacks. */
import { posix } from "node:path";
import type { CommandFacts, Evidence, Finding } from "../evidence.ts";
import { isBlocked } from "../probe-command.ts";
import { again, modeText, shellWords, start } from "../words.ts";
import { whoText } from "./who.ts";

/** What the runtimes and shells say of a program that they could not run. */
const couldNotRun =
  /exec format error|no such file or directory|not found|permission denied|executable file/i;

/** The cause, where it is the program itself. */
export function commandFinding(evidence: Evidence): Finding | null {
  const { command, container } = evidence;
  if (command === null || !mayBeCommand(evidence)) return null;
  const found = explain(command, evidence);
  if (found === null) return null;
  const said = evidence.said.filter((line) => couldNotRun.test(line)).slice(-1);
  const state = container === null || container.error === "" ? [] : [container.error];
  return { ...found, evidence: [...new Set([...found.evidence, ...state, ...said])] };
}

/** A program that ran and failed by itself has nothing wrong in its file. */
function mayBeCommand({ container, error, said }: Evidence): boolean {
  if (error !== null) return /^command-not-/.test(error.code) || /exec/.test(error.message);
  if (container === null) return false;
  if (container.error !== "") return true;
  return (
    said.length <= 1 &&
    said.every((line) => /^(\S+: )?exec\b|exec/i.test(line)) &&
    container.exitCode !== 0 &&
    said.length > 0
  );
}

function explain(command: CommandFacts, evidence: Evidence): Finding | null {
  const { file } = command;
  if (command.path === null || file === null || file.kind === "missing")
    return missing(command, evidence);
  if (file.kind === "directory") return directory(command, evidence);
  if (file.denied !== null) return denied(command, evidence);
  if (command.isEmpty) return empty(command, evidence);
  if (!file.canExecute) return notExecutable(command, evidence);
  if (file.mount?.options.includes("noexec")) return onNoExec(command, evidence);
  if (command.script !== null) return badScript(command, evidence);
  if (command.elf !== null) return badElf(command, evidence);
  return isBlocked(file) ? null : noFormat(command, evidence);
}

const cannot = (command: CommandFacts, why: string) => `cannot run "${command.asked}": ${why}`;

/** The same container with another first word of its command. */
function withProgram(evidence: Evidence, ...program: string[]): string[] {
  const { container } = evidence;
  if (container === null) return [];
  const { argv, commandWords } = container;
  // the entrypoint is the image's, or an option: what follows it stays
  if (commandWords < argv.length) {
    const [first = "", ...more] = program;
    const rest = argv.slice(1, argv.length - commandWords);
    const command = [...more, ...rest, ...argv.slice(argv.length - commandWords)];
    return again(container, {
      options: ["--entrypoint", first],
      without: ["--entrypoint"],
      command,
    });
  }
  return again(container, { command: [...program, ...argv.slice(1)] });
}

function missing(command: CommandFacts, evidence: Evidence): Finding {
  const [other] = command.elsewhere;
  const { similar, asked } = command;
  const like =
    similar === null
      ? null
      : asked.includes("/")
        ? posix.join(posix.dirname(asked), similar)
        : similar;
  const isPath = asked.includes("/");
  const where = isPath
    ? "there is no such file in the container"
    : "no directory of its PATH has a program of that name";
  const gone = command.file?.missing;
  if (other !== undefined) {
    return {
      id: "command-elsewhere",
      cause: cannot(
        command,
        isPath
          ? `there is no such file; the image has it as ${other}`
          : `it is in ${posix.dirname(other)}, which is not in the container's PATH`,
      ),
      evidence: [`${other} is there`],
      cures: withProgram(evidence, other),
      advice: null,
    };
  }
  if (like !== null) {
    return {
      id: "command-mistyped",
      cause: cannot(command, `${where}; one is called "${similar}"`),
      evidence: [`there is ${like}`],
      cures: withProgram(evidence, like),
      advice: null,
    };
  }
  const container = evidence.container;
  const spaced = asked.includes(" ");
  return {
    id: "command-missing",
    cause: cannot(
      command,
      spaced
        ? "it is looked for as one program with blanks in its name"
        : gone != null
          ? `there is no ${gone} in the container`
          : where,
    ),
    evidence: [
      ...(container === null ? [] : [`image ${container.image || "(a root file system)"}`]),
      ...(gone == null ? [] : [`${gone} does not exist`]),
    ],
    cures:
      spaced && command.shell !== null ? withProgram(evidence, command.shell, "-c", asked) : [],
    advice: spaced ? null : "install it in the image, choose an image that has it, or mount it",
  };
}

function directory(command: CommandFacts, evidence: Evidence): Finding {
  return {
    id: "command-directory",
    cause: cannot(command, "it is a directory"),
    evidence: [`${command.path} is a directory`],
    cures: [],
    advice: `name a program in it: ${shellWords(["cooper", "run", "--rm", "--entrypoint", "ls", evidence.container?.image || "IMAGE", command.path ?? ""])} shows what there is`,
  };
}

function denied(command: CommandFacts, evidence: Evidence): Finding | null {
  const at = command.file?.denied;
  if (!at) return null;
  const who = whoText(evidence.container);
  return {
    id: "command-denied",
    cause: cannot(command, `${who} may not enter ${at.path}`),
    evidence: [`${at.path}: ${modeText("directory", at.mode, at.uid)}`],
    cures:
      evidence.container === null
        ? []
        : again(evidence.container, {
            options: ["--user", `${at.uid}`],
            without: ["--user", "-u"],
          }),
    advice: `or let others enter it in the image: ${shellWords(["chmod", "o+x", at.path])}`,
  };
}

function empty(command: CommandFacts, _evidence: Evidence): Finding {
  return {
    id: "command-empty",
    cause: cannot(command, "the file is empty"),
    evidence: [`${command.path} has 0 bytes`],
    cures: [],
    advice: "build the image again, or mount the right file",
  };
}

function notExecutable(command: CommandFacts, evidence: Evidence): Finding {
  const { file, script, isText, shell } = command;
  const isReadable = file?.canRead ?? false;
  const interpreter =
    script === null ? (isText ? shell : null) : script.isThere ? script.interpreter : shell;
  const mode = file === null ? "" : modeText("file", file.mode, file.uid, file.gid);
  const source = hostFile(command);
  const who =
    (file?.mode ?? 0) & 0o111
      ? `${whoText(evidence.container)} may not execute it`
      : "it is not executable";
  return {
    id: "command-not-executable",
    cause: cannot(command, who),
    evidence: [`${command.path}: ${mode}`],
    cures:
      source !== null
        ? [shellWords(["chmod", "+x", source]), ...startAgain(evidence)]
        : interpreter !== null && isReadable
          ? withProgram(evidence, interpreter, command.path ?? "")
          : [],
    advice:
      source === null
        ? `or make it executable in the image: ${shellWords(["chmod", "+x", command.path ?? ""])}`
        : null,
  };
}

/** The file on the host, where it is mounted from there. */
function hostFile({ file }: CommandFacts): string | null {
  const mount = file?.mount;
  if (!file || mount?.kind !== "bind" || mount.readOnly) return null;
  return posix.join(mount.source, file.path.slice(mount.target.length));
}

function startAgain({ container }: Evidence): string[] {
  if (container === null) return [];
  return container.isKept ? [start(container)] : again(container, {});
}

function onNoExec(command: CommandFacts, evidence: Evidence): Finding {
  const mount = command.file?.mount;
  return {
    id: "command-noexec",
    cause: cannot(command, `${mount?.target} is mounted with noexec`),
    evidence: [`${mount?.target}: ${mount?.kind} with ${mount?.options.join(",")}`],
    cures: evidence.container === null ? [] : again(evidence.container, { rewrite: dropNoExec }),
    advice: null,
  };
}

const dropNoExec = (word: string) => word.replace(/(?<=[:,])noexec(?=,|$)/, "exec");

function badScript(command: CommandFacts, evidence: Evidence): Finding | null {
  const { script, shell } = command;
  if (script === null) return null;
  const { interpreter } = script;
  const first = `its first line is #!${interpreter}${script.hasCarriageReturn ? "\\r" : ""}`;
  if (script.hasCarriageReturn) {
    const source = hostFile(command);
    const target = script.isThere ? interpreter : shell;
    return {
      id: "script-crlf",
      cause: cannot(
        command,
        `its lines end with a carriage return, as Windows writes them, so that its interpreter "${interpreter}\\r" is not found`,
      ),
      evidence: [first],
      cures:
        source !== null
          ? [shellWords(["sed", "-i", "s/\\r$//", source]), ...startAgain(evidence)]
          : target === null
            ? []
            : withProgram(
                evidence,
                target,
                "-c",
                `tr -d "\\r" < "$0" > /tmp/script && exec ${target} /tmp/script "$@"`,
                command.path ?? "",
              ),
      advice:
        source === null
          ? "or keep it in the image with line feeds alone: sed -i 's/\\r$//' FILE"
          : null,
    };
  }
  if (!script.isThere) {
    return {
      id: "script-interpreter",
      cause: cannot(command, `its interpreter ${interpreter} is not in the container`),
      evidence: [first, `${interpreter} does not exist`],
      cures: shell === null ? [] : withProgram(evidence, shell, command.path ?? ""),
      advice: `or install ${posix.basename(interpreter)} in the image`,
    };
  }
  if (script.envProgram !== null && !script.isEnvProgramThere) {
    return {
      id: "script-env",
      cause: cannot(command, `its interpreter ${script.envProgram} is not in the container`),
      evidence: [
        `its first line is #!${interpreter} ${script.envProgram}`,
        `no directory of PATH has ${script.envProgram}`,
      ],
      cures: [],
      advice: `install ${script.envProgram} in the image, or choose an image that has it`,
    };
  }
  return null;
}

function badElf(command: CommandFacts, evidence: Evidence): Finding | null {
  const { elf } = command;
  if (elf === null) return null;
  if (!elf.isForHost) {
    return {
      id: "wrong-architecture",
      cause: cannot(
        command,
        `it is built for ${elf.architecture}, and this machine is ${hostName()}`,
      ),
      evidence: [`${command.path} is an ELF file for ${elf.architecture}`],
      cures: [],
      advice: `pull the image for this machine: ${shellWords(["cooper", "pull", "--platform", `linux/${hostName()}`, evidence.container?.image ?? "IMAGE"])}; or have ${elf.architecture} emulated: sudo apt-get install qemu-user-static`,
    };
  }
  if (elf.loader !== null && !elf.isLoaderThere) {
    const libc = /musl/.test(elf.loader) ? "musl" : "glibc";
    return {
      id: "loader-missing",
      cause: cannot(
        command,
        `its loader ${elf.loader} is not in the container: it is built for ${libc}, which this image does not have`,
      ),
      evidence: [`${command.path} asks for ${elf.loader}`, `${elf.loader} does not exist`],
      cures: [],
      advice:
        libc === "glibc"
          ? "use an image based on Debian or another one with glibc, or link the program statically"
          : "use an image based on Alpine, or link the program statically",
    };
  }
  return null;
}

function hostName(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}

function noFormat(command: CommandFacts, evidence: Evidence): Finding | null {
  if (!command.isText) {
    return {
      id: "command-format",
      cause: cannot(command, "it is no program: neither an ELF file nor a script"),
      evidence: [`${command.path} begins with neither \\x7fELF nor #!`],
      cures: [],
      advice: "it may be damaged, or be made for another system: build the image again",
    };
  }
  return {
    id: "script-no-interpreter",
    cause: cannot(
      command,
      "it is a script without #! in its first line, so that the kernel does not know what runs it",
    ),
    evidence: [`${command.path} is text, and does not begin with #!`],
    cures: command.shell === null ? [] : withProgram(evidence, command.shell, command.path ?? ""),
    advice: "or begin it with a line such as #!/bin/sh",
  };
}

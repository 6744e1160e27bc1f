/** RUN, COPY and ADD: the instructions that change files. */
import { posix } from "node:path";
import { messageOf } from "../errors.ts";
import { announcedBy } from "./dockerfile/heredoc.ts";
import type { CopyInstruction, RunInstruction, Word } from "./dockerfile/instructions.ts";
import { parseRunMount } from "./dockerfile/run-mount.ts";
import { proxyArgs } from "./dockerfile/scope.ts";
import type { Range } from "./dockerfile/source.ts";
import type { RunStep, StepId, StepMount } from "./graph.ts";
import { runText } from "./history.ts";
import { commandWords, expand } from "./instruct-words.ts";
import { isGitAddress, parseGitAddress } from "./source/git-address.ts";
import { redactUrls } from "./source/url-text.ts";
import type { StageState } from "./stage-state.ts";
import type { Planner } from "./stages.ts";

/** RUN: a container in which a command runs. */
export function addRun(planner: Planner, state: StageState, run: RunInstruction): void {
  if (run.devices.length > 0)
    throw planner.error(run.devices[0]?.range ?? run.range, "RUN --device is not supported yet");
  const { argv, script } = command(planner, state, run);
  const { scope, config } = state;
  const args = scope.argsForRun();
  const given = planner.input.buildArgs;
  const proxies = proxyArgs.filter((name) => Object.hasOwn(given, name) && !scope.env.has(name));
  const isProxy = ([name]: readonly [string, string]) => proxyArgs.includes(name);
  const known = args.filter((arg) => !isProxy(arg));
  const passed = new Map([
    ...proxies.map((name) => [name, given[name] ?? ""] as const),
    ...args.filter(isProxy),
  ]);
  const asText = ([name, value]: readonly [string, string]) => `${name}=${value}`;
  state.tree = planner.builder.add(
    {
      kind: "run",
      base: state.tree,
      argv,
      script,
      env: [...scope.envList(), ...known.map(asText)],
      passedEnv: [...passed].map(asText),
      cwd: config.WorkingDir,
      user: config.User,
      mounts: run.mounts.map((word) => mount(planner, state, word)),
      network: network(planner, state, run),
      platform: planner.foreign(state.platform),
    },
    {
      title: state.nextTitle(`RUN ${firstLine(run)}`),
      stages: state.names,
      place: { source: planner.input.dockerfile.source, range: run.range },
    },
  );
  const told = [...scope.args.keys()].filter((name) => !proxyArgs.includes(name));
  state.note(
    runText(
      argv,
      told.map((name) => [name, scope.lookUp(name) ?? ""]),
    ),
    false,
  );
}

function firstLine({ command: { kind, ...rest }, heredocs }: RunInstruction): string {
  const text = "words" in rest ? JSON.stringify(rest.words) : rest.text;
  const [first = "", ...more] = (heredocs[0]?.content ?? "").trimEnd().split("\n");
  return heredocs.length === 0 ? text : `${text} (${first}${more.length > 0 ? "..." : ""})`;
}

/** A line that is one heredoc and nothing else is the script itself; any other is the shell's to read. */
function command(
  planner: Planner,
  state: StageState,
  { command: line, heredocs, range }: RunInstruction,
): Pick<RunStep, "argv" | "script"> {
  const [heredoc] = heredocs;
  if (heredoc === undefined || line.kind === "exec")
    return { argv: commandWords(state, line), script: null };
  if (announcedBy(line.text) === undefined) {
    const all = heredocs.map(({ written, name }) => `\n${written}${name}`).join("");
    return { argv: commandWords(state, { kind: "shell", text: line.text + all }), script: null };
  }
  const { name, content } = heredoc;
  if (!content.startsWith("#!"))
    return { argv: commandWords(state, { kind: "shell", text: content }), script: null };
  if (name.includes("/") || name === "." || name === "..")
    throw planner.error(range, `a script cannot be named ${name}`);
  return { argv: [`/dev/pipes/${name}`], script: { name, content } };
}

function network(
  planner: Planner,
  state: StageState,
  { network: given, security }: RunInstruction,
): RunStep["network"] {
  if (security !== null && expand(planner, state, security) !== "sandbox") {
    throw planner.error(security.range, `RUN --security=${security.text} is refused`, {
      hint: "commands of a build run in the same sandbox as containers do; there is only sandbox",
    });
  }
  if (given === null) return planner.input.network;
  const text = expand(planner, state, given);
  if (text === "default") return planner.input.network;
  if (text === "none") return text;
  if (text !== "host")
    throw planner.error(given.range, `unknown network mode: ${text}`, {
      hint: "there are default, none and host",
    });
  if (planner.input.network === "host") return text;
  throw planner.error(given.range, "RUN --network=host is not allowed by itself", {
    hint: "whoever builds gives the host's network to a build: cooper build --network host",
  });
}

function mount(planner: Planner, state: StageState, word: Word): StepMount {
  const text = expand(planner, state, word);
  const { range } = word;
  const parsed = (() => {
    try {
      return parseRunMount(text);
    } catch (cause) {
      throw planner.error(range, messageOf(cause));
    }
  })();
  const inside = (path: string) => posix.resolve(state.config.WorkingDir, path);
  if ("isRequired" in parsed) {
    const target = parsed.target === null ? null : inside(parsed.target);
    return { ...parsed, target };
  }
  const target = inside(parsed.target);
  if (target === "/") throw planner.error(range, "the root cannot be mounted over");
  if (parsed.kind === "tmpfs") return { ...parsed, target };
  const { from, ...rest } = parsed;
  const tree =
    from === null ? null : planner.treeOf({ text: from, range }, state.stage, state.names);
  const source = posix.resolve("/", parsed.source);
  if (rest.kind === "bind") return { ...rest, target, source, tree: tree ?? planner.context(null) };
  return { ...rest, id: rest.id ?? target, target, source, tree };
}

/** COPY and ADD. */
export function addCopy(planner: Planner, state: StageState, copy: CopyInstruction): void {
  const word = (given: Word | null) => (given === null ? null : expand(planner, state, given));
  const sources = copy.sources.map((source) => expand(planner, state, source));
  const isGit = (text: string) => copy.kind === "add" && isGitAddress(text);
  const isUrl = (text: string) =>
    copy.kind === "add" && /^(?:https?|ftp):\/\//i.test(text) && !isGit(text);
  const urls = sources.filter(isUrl);
  const repositories = sources.filter(isGit);
  const paths = sources.filter((source) => !isUrl(source) && !isGit(source));
  if (copy.keepsGitDir !== null && repositories.length === 0)
    throw planner.error(copy.range, "--keep-git-dir is for git repositories, and there is none");
  const typed = expand(planner, state, copy.destination);
  const destination = absolute(state.config.WorkingDir, typed);
  if (sources.length + copy.heredocs.length > 1 && !destination.endsWith("/")) {
    throw planner.error(
      copy.destination.range,
      `When using ${copy.kind.toUpperCase()} with more than one source file, the destination must be a directory and end with a /`,
    );
  }
  const checksum = checksumOf(planner, copy, word(copy.checksum), repositories.length > 0, [
    ...urls,
    ...repositories,
  ]);
  const tree =
    paths.length === 0
      ? null
      : copy.from === null
        ? planner.context(null)
        : planner.treeOf(copy.from, state.stage, state.names);
  state.tree = planner.builder.add(
    {
      kind: "copy",
      base: state.tree,
      tree,
      paths,
      files: copy.heredocs.map(({ name, content, expands, range }) => ({
        name,
        content: expands ? expand(planner, state, { text: content, range }, true) : content,
      })),
      urls,
      repositories: repositories.map((text) =>
        repository(planner, state, copy, text, urls.length === 0 ? checksum : null),
      ),
      destination,
      chown: word(copy.chown),
      chmod: word(copy.chmod),
      excludes: copy.excludes.map((pattern) => expand(planner, state, pattern)),
      keepsParents: copy.keepsParents,
      isLinked: copy.isLinked,
      unpacks: {
        paths: copy.kind === "add" && (copy.unpacks ?? true),
        urls: copy.kind === "add" && (copy.unpacks ?? false),
      },
      checksum: urls.length === 0 ? null : checksum,
    },
    {
      title: state.nextTitle(redactUrls(copy.line)),
      stages: state.names,
      place: { source: planner.input.dockerfile.source, range: copy.range },
    },
  );
  const told = [...sources.map(redactUrls), ...copy.heredocs.map(({ name }) => name)];
  state.note(copyText(copy, told, typed), false);
}

/** A repository that a Dockerfile names: it gets at nothing of the caller's. */
function repository(
  planner: Planner,
  state: StageState,
  copy: CopyInstruction,
  text: string,
  checksum: string | null,
): StepId {
  const address = (() => {
    try {
      return parseGitAddress(text);
    } catch (cause) {
      throw planner.error(copy.range, messageOf(cause));
    }
  })();
  if (address.remote.protocol === "file")
    throw planner.error(copy.range, "ADD takes no repository of this machine", {
      hint: "name it as a context: cooper build --build-context NAME=file:///PATH, and COPY --from=NAME",
    });
  if (copy.keepsGitDir !== null && address.keepsGitDir !== null)
    throw planner.error(copy.range, "--keep-git-dir conflicts with the query keep-git-dir");
  if (checksum !== null && address.checksum !== null && checksum !== address.checksum)
    throw planner.error(copy.range, "--checksum conflicts with the query checksum");
  const keepsGitDir = copy.keepsGitDir ?? address.keepsGitDir ?? false;
  const wanted = { ...address, checksum: checksum ?? address.checksum };
  return planner.builder.add(
    { kind: "git", address: wanted, keepsGitDir },
    {
      title: `[internal] load git source ${redactUrls(text)}`,
      stages: state.names,
      place: { source: planner.input.dockerfile.source, range: copy.range },
    },
  );
}

/** FROM with the name of a context that is files and no image: all of them, without a configuration. */
export function addContextFiles(
  planner: Planner,
  state: StageState,
  name: string,
  { title, range }: { readonly title: string; readonly range: Range },
): void {
  state.tree = planner.builder.add(
    {
      kind: "copy",
      base: state.tree,
      tree: planner.context(name),
      paths: ["/"],
      files: [],
      urls: [],
      repositories: [],
      destination: "/",
      chown: null,
      chmod: null,
      excludes: [],
      keepsParents: false,
      isLinked: false,
      unpacks: { paths: false, urls: false },
      checksum: null,
    },
    {
      title,
      stages: state.names,
      place: { source: planner.input.dockerfile.source, range },
    },
  );
  state.note(`FROM ${name} # buildkit`, false);
}

/** Keeps a slash at the end, and takes `.` for a directory. */
function absolute(cwd: string, path: string): string {
  const isDirectory = /(?:^|\/)\.?$/.test(path);
  const resolved = posix.resolve(cwd, path);
  return isDirectory && resolved !== "/" ? `${resolved}/` : resolved;
}

function copyText(
  { kind, chown, chmod, isLinked, keepsParents }: CopyInstruction,
  sources: readonly string[],
  destination: string,
): string {
  const flags = [
    ...(chown === null ? [] : [`--chown=${chown.text}`]),
    ...(chmod === null ? [] : [`--chmod=${chmod.text}`]),
    ...(isLinked ? ["--link"] : []),
    ...(keepsParents ? ["--parents"] : []),
  ];
  return [kind.toUpperCase(), ...flags, ...sources, destination, "#", "buildkit"].join(" ");
}

function checksumOf(
  planner: Planner,
  copy: CopyInstruction,
  value: string | null,
  isGit: boolean,
  remote: readonly string[],
): string | null {
  const { checksum } = copy;
  if (checksum === null || value === null) return null;
  if (copy.sources.length !== 1)
    throw planner.error(checksum.range, "checksum can't be specified for multiple sources");
  if (remote.length !== 1)
    throw planner.error(
      checksum.range,
      "checksum can't be specified for non-HTTP(S) and non-Git sources",
    );
  if (isGit && !/^[0-9a-f]{7,64}$/.test(value))
    throw planner.error(checksum.range, `invalid checksum ${value}: the id of a commit`);
  if (!isGit && !/^sha256:[0-9a-f]{64}$/.test(value))
    throw planner.error(
      checksum.range,
      `invalid checksum ${value}: sha256: and 64 hexadecimal digits`,
    );
  return value;
}

/** COPY and ADD: files that are put on top. */
import { posix } from "node:path";
import { messageOf } from "../errors.ts";
import type { CopyInstruction, Word } from "./dockerfile/instructions.ts";
import type { Range } from "./dockerfile/source.ts";
import type { StepId } from "./graph.ts";
import { expand } from "./instruct-words.ts";
import { isGitAddress, parseGitAddress } from "./source/git-address.ts";
import { redactUrls } from "./source/url-text.ts";
import type { StageState } from "./stage-state.ts";
import type { Planner } from "./stages.ts";

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

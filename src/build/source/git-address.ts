/**
 * How a git repository is named as a source: URLs, `user@host:path`, with `#ref:subdir` or BuildKit's query
 * (`?branch=…&subdir=…`). Pure; whatever git would take for an option or a helper is refused here.
 */
import { posix } from "node:path";
import { CooperError } from "../../errors.ts";
import { decodePercent, redactUrls } from "./url-text.ts";

/** A repository, as git is told of it. */
export interface GitRemote {
  /** Without credentials. */
  readonly url: string;
  readonly protocol: "https" | "http" | "ssh" | "git" | "file";
  /** With its port; empty for a local one. */
  readonly host: string;
  /** `user:password`, as it stood in the URL; never shown, and never a part of a key. */
  readonly credentials: string | null;
}

/** A repository, and what of it is wanted. */
export interface GitAddress {
  readonly remote: GitRemote;
  /** A branch, a tag, a commit, or a whole `refs/…`; null: what the remote's HEAD names. */
  readonly ref: string | null;
  /** A directory, without slashes at its ends; empty: the whole tree. */
  readonly subdir: string;
  /** What the commit's id begins with. */
  readonly checksum: string | null;
  /** null: as the instruction says. */
  readonly keepsGitDir: boolean | null;
  readonly withSubmodules: boolean;
}

const scpLike = /^([A-Za-z0-9_][\w.-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):(?!\/\/)(.+)$/s;

/** Whether a text names a git repository; what parseGitAddress() then says no to is a mistake. */
export function isGitAddress(text: string): boolean {
  if (/^(?:git|ssh|git\+ssh|ssh\+git|file):\/\//i.test(text) || scpLike.test(text)) return true;
  const url = /^https?:\/\/[^?#]*/i.exec(text)?.[0];
  return url !== undefined && /\.git\/?$/i.test(url);
}

/** @throws CooperError invalid-argument */
export function parseGitAddress(text: string): GitAddress {
  const [, beforeHash = "", fragment = ""] = /^([^#]*)(?:#(.*))?$/s.exec(text) ?? [];
  const [, base = "", query = ""] = /^([^?]*)(?:\?(.*))?$/s.exec(beforeHash) ?? [];
  const remote = parseGitRemote(base);
  const bad = (why: string) => wrong(text, why);
  const [, hashRef = "", hashSubdir = ""] =
    /^([^:]*)(?::(.*))?$/s.exec(decodePercent(fragment)) ?? [];
  const asked = readQuery(query, bad);
  const ref = oneRef(hashRef, asked, bad);
  if (hashSubdir !== "" && asked.subdir !== undefined && hashSubdir !== asked.subdir)
    throw bad(`subdir conflicts: ${JSON.stringify(hashSubdir)} and ${asked.subdir}`);
  const checksum = asked.checksum ?? asked.commit ?? null;
  if (checksum !== null && !/^[0-9a-f]{7,64}$/.test(checksum))
    throw bad(`the checksum ${checksum} is no id of a commit`);
  return {
    remote,
    ref: ref ?? checksum,
    subdir: subdirOf(asked.subdir ?? hashSubdir, bad),
    checksum,
    keepsGitDir: asked["keep-git-dir"] === undefined ? null : asked["keep-git-dir"] === "true",
    withSubmodules: asked.submodules !== "false",
  };
}

/** The repository alone: also what `.gitmodules` says. @throws CooperError */
export function parseGitRemote(text: string): GitRemote {
  if (/[\u0000-\u0020\u007f]/.test(text)) throw wrong(text, "it has spaces or control characters");
  const [, user, scpHost, path] = scpLike.exec(text) ?? [];
  if (user !== undefined && scpHost !== undefined && path !== undefined) {
    if (path.startsWith("-")) throw wrong(text, "its path begins with a dash");
    return { url: text, protocol: "ssh", host: scpHost.toLowerCase(), credentials: null };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = protocols[url?.protocol ?? ""];
  if (url === undefined || protocol === undefined || /^[\w+-]*::/.test(text))
    throw wrong(text, "repositories are fetched by https, http, ssh and git");
  if (protocol === "file") return localRemote(text, url);
  if (url.hostname === "" || url.pathname === "" || url.pathname === "/")
    throw wrong(text, "it names no repository");
  const [userName, password] = [decodePercent(url.username), decodePercent(url.password)];
  // git takes %2D for a dash too
  for (const part of [decodePercent(url.hostname), userName, decodePercent(url.pathname).slice(1)])
    if (part.startsWith("-")) throw wrong(text, "a part of it begins with a dash");
  const host = url.host.toLowerCase();
  const account = protocol === "ssh" && userName !== "" ? `${url.username}@` : "";
  const credentials = protocol === "ssh" || userName === "" ? null : `${userName}:${password}`;
  return {
    url: `${protocol}://${account}${host}${url.pathname}`,
    protocol,
    host,
    credentials,
  };
}

const protocols: Readonly<Record<string, GitRemote["protocol"]>> = {
  "https:": "https",
  "http:": "http",
  "ssh:": "ssh",
  "git+ssh:": "ssh",
  "ssh+git:": "ssh",
  "git:": "git",
  "file:": "file",
};

function localRemote(text: string, url: URL): GitRemote {
  if (url.host !== "" && url.host !== "localhost") throw wrong(text, "a file is on this machine");
  return { url: `file://${url.pathname}`, protocol: "file", host: "", credentials: null };
}

/** A submodule may be named from where its parent is: `../other.git`. */
export function resolveGitRemote(parent: GitRemote, text: string): GitRemote {
  if (!/^\.\.?\//.test(text)) return parseGitRemote(text);
  const [, before = "", path = ""] =
    /^((?:[a-z]+:\/\/[^/]*)|(?:[^/:]+@[^/:]+:))(.*)$/s.exec(parent.url) ?? [];
  const isAbsolute = path.startsWith("/");
  const joined = posix.join(isAbsolute ? path : `/${path}`, text);
  const remote = parseGitRemote(`${before}${isAbsolute ? joined : joined.slice(1)}`);
  return { ...remote, credentials: parent.credentials };
}

const keys = [
  "ref",
  "tag",
  "branch",
  "subdir",
  "checksum",
  "commit",
  "keep-git-dir",
  "submodules",
] as const;
type Query = Partial<Record<(typeof keys)[number], string>>;

function readQuery(query: string, bad: (why: string) => CooperError): Query {
  const asked: Query = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const key = keys.find((one) => one === name);
    if (key === undefined) throw bad(`unexpected query ${JSON.stringify(name)}`);
    if (asked[key] !== undefined) throw bad(`query ${JSON.stringify(name)} has multiple values`);
    const isSwitch = key === "keep-git-dir" || key === "submodules";
    if (!isSwitch && value === "") throw bad(`query ${JSON.stringify(name)} has no value`);
    asked[key] = isSwitch ? truth(key, value, bad) : value;
  }
  return asked;
}

function truth(key: string, value: string, bad: (why: string) => CooperError): "true" | "false" {
  if (["", "1", "t", "true"].includes(value.toLowerCase())) return "true";
  if (["0", "f", "false"].includes(value.toLowerCase())) return "false";
  throw bad(`invalid ${key} value: ${JSON.stringify(value)}`);
}

function oneRef(hashRef: string, asked: Query, bad: (why: string) => CooperError): string | null {
  const whole = (prefix: string, name: string | undefined) =>
    name === undefined ? [] : [name.startsWith(prefix) ? name : `${prefix}${name}`];
  if (asked.tag !== undefined && asked.branch !== undefined) throw bad("branch conflicts with tag");
  const named = [
    ...(hashRef === "" ? [] : [hashRef]),
    ...(asked.ref === undefined ? [] : [asked.ref]),
    ...whole("refs/tags/", asked.tag),
    ...whole("refs/heads/", asked.branch),
  ];
  const [ref, other] = [...new Set(named)];
  if (other !== undefined) throw bad(`ref conflicts: ${ref} and ${other}`);
  if (ref !== undefined && !isRefName(ref)) throw bad(`${JSON.stringify(ref)} is no name of a ref`);
  return ref ?? null;
}

/** git-check-ref-format(1), and nothing that would be an option. */
function isRefName(ref: string): boolean {
  return (
    ref.length <= 255 &&
    !/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\.lock(?:\/|$)/.test(ref) &&
    !/^[-/.]|[/.]$|\/\./.test(ref)
  );
}

function subdirOf(text: string, bad: (why: string) => CooperError): string {
  if (text.includes("\0") || text.split("/").includes(".."))
    throw bad(`the subdirectory ${JSON.stringify(text)} leads out of the repository`);
  const clean = posix.join("/", text).replace(/^\/+|\/+$/g, "");
  return clean === "." ? "" : clean;
}

function wrong(text: string, why: string): CooperError {
  const shown = redactUrls(text).slice(0, 200);
  return new CooperError(
    "invalid-argument",
    `invalid git repository ${JSON.stringify(shown)}: ${why}`,
  );
}

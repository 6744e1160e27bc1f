/** Programs that keep secrets: the protocol of docker-credential-helpers (`docker-credential-NAME get|store|erase|list`). */
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { findProgram } from "../system/program.ts";
import type { Credentials } from "./credentials.ts";

/** A keychain may ask its owner to unlock it first. */
const timeoutMs = 120_000;
const maxAnswerBytes = 1 << 20;

/** The credentials that a helper keeps for a server; undefined when it has none. */
export async function getFromHelper(
  helper: string,
  server: string,
): Promise<Credentials | undefined> {
  const answer = await run(helper, "get", server, ["credentials not found"]);
  if (answer === undefined) return undefined;
  const value = parse(answer, helper);
  const { Username: username, Secret: secret } = value;
  if (typeof username !== "string" || typeof secret !== "string" || secret === "") return undefined;
  return username === "<token>"
    ? { username: "", password: "", identityToken: secret }
    : { username, password: secret };
}

/** Has a helper keep credentials. */
export async function storeInHelper(
  helper: string,
  server: string,
  credentials: Credentials,
): Promise<void> {
  const [Username, Secret] =
    credentials.identityToken === undefined
      ? [credentials.username, credentials.password]
      : ["<token>", credentials.identityToken];
  await run(helper, "store", JSON.stringify({ ServerURL: server, Username, Secret }), []);
}

/** Has a helper forget a server; false when it knew none. */
export async function eraseFromHelper(helper: string, server: string): Promise<boolean> {
  return (await run(helper, "erase", server, ["credentials not found"])) !== undefined;
}

/** Servers that a helper knows, with their user names. */
export async function listOfHelper(helper: string): Promise<ReadonlyMap<string, string>> {
  const answer = await run(helper, "list", "", []);
  const entries = Object.entries(parse(answer ?? "{}", helper));
  return new Map(
    entries.flatMap(([server, name]) => (typeof name === "string" ? [[server, name]] : [])),
  );
}

function parse(text: string, helper: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text.trim() || "{}");
    if (isObject(value)) return value;
  } catch {
    // what it says may be a secret: it is not repeated in an error
  }
  throw new CooperError("helper-failed", `docker-credential-${helper} answered with no valid JSON`);
}

/** Undefined when it fails with one of the `absent` texts. What goes in and comes out is in no error. */
async function run(
  helper: string,
  verb: string,
  input: string,
  absent: readonly string[],
): Promise<string | undefined> {
  const name = `docker-credential-${helper}`;
  if (!/^[\w.-]+$/.test(helper))
    throw new CooperError("invalid-argument", `"${helper}" is no name of a credential helper`);
  const program = findProgram(name);
  if (program === undefined) {
    throw new CooperError(
      "missing-helper",
      `the credential helper ${name}, which the configuration names, is not installed`,
    );
  }
  const child = Bun.spawn([program, verb], {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "inherit", // it may have something to ask
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const answer = await bounded(child.stdout, name, () => child.kill("SIGKILL"));
  const status = await child.exited;
  if (child.signalCode === "SIGKILL" && child.killed)
    throw new CooperError("timeout", `${name} did not answer within ${timeoutMs / 1000} seconds`);
  if (status === 0) return answer;
  // errors come on stdout, by the protocol
  if (absent.some((text) => answer.includes(text))) return undefined;
  const why = verb === "get" || verb === "list" ? answer.trim().split("\n", 1)[0] : "";
  throw new CooperError(
    "helper-failed",
    `${name} ${verb} failed with status ${status}${why ? `: ${why.slice(0, 200)}` : ""}`,
  );
}

async function bounded(
  stream: ReadableStream<Uint8Array>,
  name: string,
  stop: () => void,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream as unknown as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > maxAnswerBytes) {
      stop();
      throw new CooperError("hostile", `${name} answers with more than 1 MiB`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** Images out of a running Docker, over its socket: what `docker save` gives (Docker Engine API, `GET /images/{name}/get`). */
import { existsSync } from "node:fs";
import { CooperError, messageOf } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { bodyChunks, readBody } from "../registry/http.ts";

/** Whether something answers at the socket of a Docker daemon. */
export async function isDockerRunning(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  try {
    return (await call(socket, "/_ping", AbortSignal.timeout(5000))).ok;
  } catch {
    return false; // a socket that nobody listens at any more: the store on disk is read then
  }
}

/**
 * The archive of one image, as it comes.
 *
 * @param image as Docker knows it: `name:tag` or `sha256:…`
 * @throws CooperError no-such-image
 */
export async function* dockerImageArchive(
  socket: string,
  image: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let response: Response;
  try {
    response = await call(socket, `/images/${encodeURIComponent(image)}/get`, signal);
  } catch (cause) {
    throw new CooperError("network", `the Docker daemon at ${socket} does not answer`, { cause });
  }
  if (response.status === 404)
    throw new CooperError("no-such-image", `Docker has no image ${image}`, {
      hint: "see what it has with: docker images",
    });
  if (!response.ok) {
    throw new CooperError(
      "helper-failed",
      `Docker cannot give out ${image}: ${await complaint(response)}`,
    );
  }
  yield* bodyChunks(response);
}

/** An API version that every Docker since 17.06 speaks is not asked for: without one it speaks its own. */
function call(socket: string, path: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`http://docker${path}`, {
    unix: socket,
    ...(signal !== undefined && { signal }),
  });
}

async function complaint(response: Response): Promise<string> {
  const text = (await readBody(response, 1 << 20, "Docker's answer")).toString("utf8");
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) && typeof value.message === "string") return value.message;
  } catch (error) {
    return `${text.slice(0, 200) || messageOf(error)} (${response.status})`;
  }
  return `status ${response.status}`;
}

/** An archive on its way into Docker. */
export interface DockerUpload extends Disposable {
  /** Takes the next bytes. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Waits until Docker has loaded it. @throws CooperError with what Docker says */
  finish(): Promise<void>;
}

/** `docker load` (Docker Engine API, `POST /images/load`). Disposed before its end, Docker keeps nothing. */
export function loadIntoDocker(socket: string, signal?: AbortSignal): DockerUpload {
  const stop = new AbortController();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const answer = fetch("http://docker/images/load?quiet=1", {
    unix: socket,
    method: "POST",
    body: readable,
    headers: { "Content-Type": "application/x-tar" },
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
  });
  // a Docker that refuses answers before it has read all, and then nobody reads what we write
  const refused = answer.then(async (response) => {
    if (!response.ok) throw notLoaded(await complaint(response));
    return response;
  });
  refused.catch(() => undefined);
  return {
    async write(bytes) {
      await Promise.race([writer.write(bytes.slice()), refused]);
    },
    async finish() {
      await writer.close();
      const text = await readBody(await refused, 4 << 20, "Docker's answer");
      const failure = /"error":"((?:[^"\\]|\\.)*)"/.exec(text.toString("utf8"))?.[1];
      if (failure !== undefined) throw notLoaded(failure);
    },
    [Symbol.dispose]: () => stop.abort(),
  };
}

const notLoaded = (why: string): CooperError =>
  new CooperError("helper-failed", `Docker cannot load the image: ${why}`);

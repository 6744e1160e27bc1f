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

/** Requests to registries: bounded in time, redirects followed by hand, failures in words. */
import { CooperError, messageOf } from "../errors.ts";
import { type Trust, tlsFor } from "./certificates.ts";
import { proxyFor } from "./proxy.ts";

/** How long a registry may take to answer, and then between two pieces of a body. */
export const idleTimeoutMs = 60_000;

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A function makes the body anew for each try, as a stream can be sent only once. */
  readonly body?: Uint8Array | string | (() => ReadableStream<Uint8Array>);
  readonly trust: Trust;
  /** Whether another place may be named by the answer; not where secrets are in the body. */
  readonly followsRedirects?: boolean;
  readonly signal: AbortSignal | undefined;
}

/** A failure before there was any answer: worth another try, unless it is one of certificates or names. */
export class ConnectionError extends Error {
  readonly isWorthRetrying: boolean;

  constructor(message: string, isWorthRetrying: boolean, cause: unknown) {
    super(message, { cause });
    this.name = "ConnectionError";
    this.isWorthRetrying = isWorthRetrying;
  }
}

/**
 * Sends a request and follows redirects: what belongs to one host (Authorization) is not shown to another
 * (CVE-2020-15157), and encryption is not given up on the way.
 */
export async function request(wanted: HttpRequest): Promise<Response> {
  let { url } = wanted;
  let headers = wanted.headers;
  for (let hops = 0; hops < 10; hops++) {
    const response = await send({ ...wanted, url, headers });
    const location = response.headers.get("location");
    const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
    if (!isRedirect || wanted.followsRedirects === false) return response;
    await response.body?.cancel();
    const next = new URL(location, url);
    if (
      !["http:", "https:"].includes(next.protocol) ||
      (url.protocol === "https:" && next.protocol === "http:")
    ) {
      throw new CooperError(
        "registry",
        `${url.host} redirects to ${next.protocol}//${next.host}, which is not encrypted`,
      );
    }
    if (next.host !== url.host || next.protocol !== url.protocol)
      headers = withoutCredentials(headers);
    if (response.status < 307 && wanted.body !== undefined) {
      throw new CooperError(
        "registry",
        `${url.host} redirects what is sent to it (status ${response.status})`,
      );
    }
    url = next;
  }
  throw new CooperError("registry", `${wanted.url.host} redirects in circles`);
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
}

async function send(wanted: HttpRequest): Promise<Response> {
  const { method, url, headers, body, trust, signal } = wanted;
  // sending a large body takes its time; what is timed then is each piece (by whoever makes them)
  const timeout = AbortSignal.timeout(typeof body === "function" ? 2 ** 31 - 1 : idleTimeoutMs);
  const answered = new AbortController();
  const stop = () => answered.abort(timeout.reason);
  timeout.addEventListener("abort", stop, { once: true });
  try {
    return await fetch(url, {
      method,
      headers: { "User-Agent": "cooper", ...headers },
      redirect: "manual",
      decompress: false, // a digest names the bytes as they are sent
      signal: signal === undefined ? answered.signal : AbortSignal.any([signal, answered.signal]),
      ...(body !== undefined && { body: (typeof body === "function" ? body() : body) as BodyInit }),
      ...(url.protocol === "https:" && { tls: { ...tlsFor(url.host, trust) } }),
      ...throughProxy(url),
    } as RequestInit);
  } catch (cause) {
    if (cause instanceof CooperError) throw cause;
    if (signal?.aborted) throw new CooperError("cancelled", "the request was cancelled", { cause });
    if (timeout.aborted)
      throw new ConnectionError(
        `${url.host} did not answer within ${idleTimeoutMs / 1000} seconds`,
        true,
        cause,
      );
    throw connectionError(url, cause);
  } finally {
    timeout.removeEventListener("abort", stop);
  }
}

/** `false` keeps Bun from looking at the environment itself, whose rules it reads differently. */
function throughProxy(url: URL): { proxy: string | false } {
  const proxy = proxyFor(url, process.env);
  if (proxy !== null && !/^https?:/i.test(proxy)) {
    throw new CooperError(
      "not-supported",
      `the proxy of the environment is of the kind ${proxy.split(":", 1)[0]}, and only http and https proxies are used`,
    );
  }
  return { proxy: proxy ?? false };
}

function connectionError(url: URL, cause: unknown): ConnectionError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/i.test(code)) {
    return new ConnectionError(
      `the certificate of ${url.host} cannot be trusted (${code})`,
      false,
      cause,
    );
  }
  if (code === "EPROTO") {
    const why = `${url.host} ended the TLS handshake: it may ask for a certificate of ours (NAME.cert and NAME.key in certs.d), or speak no TLS there`;
    return new ConnectionError(why, false, cause);
  }
  if (/ConnectionRefused|ECONNREFUSED/.test(code))
    return new ConnectionError(`nothing answers at ${url.host} (connection refused)`, false, cause);
  if (/ENOTFOUND|DNS|EAI_/.test(code))
    return new ConnectionError(`the name ${url.hostname} cannot be resolved`, false, cause);
  return new ConnectionError(
    `the connection to ${url.host} failed: ${messageOf(cause)}`,
    true,
    cause,
  );
}

/** The whole of a small body. */
export async function readBody(
  response: Response,
  maxBytes: number,
  what: string,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyChunks(response)) {
    size += chunk.length;
    if (size > maxBytes)
      throw new CooperError("hostile", `${what} is larger than ${maxBytes >> 20} MiB`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** The body in pieces; a pause of more than `idleTimeoutMs`, or a dropped connection, is a ConnectionError. */
export async function* bodyChunks(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const host = response.url === "" ? "the registry" : new URL(response.url).host;
  try {
    for (;;) {
      const { done, value } = await withinIdleTime(reader.read(), host);
      if (done) return;
      yield value;
    }
  } catch (cause) {
    if (cause instanceof CooperError || cause instanceof ConnectionError) throw cause;
    throw new ConnectionError(
      `the connection to ${host} was lost: ${messageOf(cause)}`,
      true,
      cause,
    );
  } finally {
    // an unread rest is given up; a stream that has failed refuses that, which changes nothing
    reader.cancel().catch(() => undefined);
  }
}

async function withinIdleTime<T>(promise: Promise<T>, host: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new ConnectionError(
            `${host} sent nothing for ${idleTimeoutMs / 1000} seconds`,
            true,
            undefined,
          ),
        ),
      idleTimeoutMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Talking to one registry: where it is, what it wants to be shown, and trying again. */
import { CooperError } from "../errors.ts";
import { Authorizer } from "./authorizer.ts";
import type { Trust } from "./certificates.ts";
import type { Credentials } from "./credentials.ts";
import { asCooperError, BusyError, failureOf } from "./failure.ts";
import { ConnectionError, type HttpRequest, request } from "./http.ts";
import { isLoopback } from "./loopback.ts";

export interface RegistryOptions {
  /** Plain http and unproven certificates are allowed. Default: only with the machine itself. */
  readonly isInsecure?: boolean;
  /** Certificates for this registry, in place of the machine's `certs.d`. */
  readonly certDirectory?: string;
  readonly credentials?: Credentials | (() => Promise<Credentials | undefined>);
  /** How often something is tried again after the connection failed. */
  readonly retries?: number;
  /** Between two tries; default: a quarter of a second, twice as long each time. */
  readonly retryDelayMs?: number;
  readonly signal?: AbortSignal;
  onRetry?(why: string, inMs: number): void;
}

/** One request. */
export interface Call {
  readonly method?: HttpRequest["method"];
  /** Below `/v2/`; a whole URL where the registry named one. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest["body"];
  /** What a token must allow: `repository:a/b:pull`. */
  readonly scopes: readonly string[];
  /** Statuses besides 2xx that the caller knows how to take. */
  readonly expects?: readonly number[];
  /** For errors: what is asked for, as the user named it. */
  readonly what: string;
}

/** One registry; tokens are kept for as long as it lives. */
export class RegistrySession {
  readonly registry: string;
  readonly authorizer: Authorizer;
  private readonly options: RegistryOptions;
  private readonly host: string;
  /** Where the API may be, best first; one once that is known. */
  private bases: readonly URL[];

  /** @param registry `docker.io`, `localhost:5000`, `[::1]:5000` */
  constructor(registry: string, options: RegistryOptions = {}) {
    this.registry = registry;
    this.options = options;
    this.host = registry === "docker.io" ? "registry-1.docker.io" : registry;
    const [secure, plain] = [new URL(`https://${this.host}`), new URL(`http://${this.host}`)];
    // the machine itself mostly runs registries without certificates
    const both = isLoopback(plain.hostname) ? [plain, secure] : [secure, plain];
    this.bases = this.mayBeInsecure() ? both : [secure];
    const { credentials } = options;
    this.authorizer = new Authorizer({
      registry,
      credentials: async () => (typeof credentials === "function" ? credentials() : credentials),
      send: (wanted) => this.sendAsIs(wanted),
      isProven: (base) => base.protocol === "https:" && !this.mayBeInsecure(),
    });
  }

  private get trust(): Trust {
    const { certDirectory } = this.options;
    return {
      isInsecure: this.mayBeInsecure(),
      ...(certDirectory !== undefined && {
        directory: { host: this.host, path: certDirectory },
      }),
    };
  }

  private mayBeInsecure(): boolean {
    return this.options.isInsecure ?? isLoopback(new URL(`http://${this.host}`).hostname);
  }

  private sendAsIs(
    wanted: Pick<HttpRequest, "method" | "url" | "headers" | "body" | "followsRedirects">,
  ): Promise<Response> {
    return request({ ...wanted, trust: this.trust, signal: this.options.signal });
  }

  /** Sends a request, with a token where one is asked for; an error status is thrown. */
  async send(call: Call): Promise<Response> {
    const response = await this.sendAuthorized(call);
    if (response.ok || call.expects?.includes(response.status)) return response;
    const isUpload = call.scopes.some((scope) => /[:,]push$/.test(scope));
    throw await failureOf(this.registry, response, call.what, isUpload);
  }

  private async sendAuthorized(call: Call): Promise<Response> {
    const shown = await this.authorizer.header(call.scopes);
    const first = await this.sendToBase(call, shown);
    if (first.status !== 401) return first;
    const base = this.bases[0];
    // a challenge of somebody else, to whom we were sent: not ours to answer (CVE-2020-15157)
    if (base === undefined || originOf(first) !== base.origin) return first;
    const challenge = first.headers.get("www-authenticate");
    if (challenge === null) return first;
    const next = await this.authorizer.answer(challenge, base, call.scopes, shown);
    if (next === undefined || next === shown) return first;
    await first.body?.cancel();
    return this.sendToBase(call, next);
  }

  /**
   * Where several places are possible, the request itself finds out which one answers: a second pull
   * is one request. Nothing secret is in it, since nothing has been asked for yet.
   */
  private async sendToBase(call: Call, authorization: string | undefined): Promise<Response> {
    let failure: unknown;
    for (const base of this.bases) {
      const url = typeof call.path === "string" ? new URL(`/v2/${call.path}`, base) : call.path;
      const isOurs = url.origin === base.origin;
      try {
        const response = await this.sendAsIs({
          method: call.method ?? "GET",
          url,
          headers: {
            ...call.headers,
            ...(isOurs && authorization !== undefined && { Authorization: authorization }),
          },
          ...(call.body !== undefined && { body: call.body }),
        });
        // Go's TLS server tells so to whoever speaks plainly to it
        const isWrongPort = response.status === 400 && base.protocol === "http:";
        if (this.bases.length > 1 && isWrongPort && base !== this.bases.at(-1)) {
          await response.body?.cancel();
          continue;
        }
        this.bases = [base];
        return response;
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        failure ??= error;
      }
    }
    throw failure ?? new CooperError("network", `${this.host} does not answer`);
  }

  /** Where an upload goes on, as the registry says; its own address in the form that is known to work. */
  locationOf(response: Response): URL {
    const location = response.headers.get("location");
    const base = this.bases[0];
    if (location === null || base === undefined || !URL.canParse(location, base))
      throw new CooperError("registry", `${this.registry} does not say where an upload goes on`);
    const url = new URL(location, base);
    // behind a proxy that ends TLS a registry often believes to be spoken to plainly
    if (url.host === base.host) url.protocol = base.protocol;
    if (url.protocol !== "https:" && url.origin !== base.origin && !isLoopback(url.hostname)) {
      throw new CooperError(
        "registry",
        `${this.registry} wants uploads to go to ${url.host}, which is not encrypted`,
      );
    }
    return url;
  }

  /** Does it until it works, or does not pass. */
  async retrying<T>(act: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        return await act();
      } catch (error) {
        await this.pauseBefore(error, failures);
      }
    }
  }

  /** Waits before the next try; throws when there should be none. */
  async pauseBefore(error: unknown, failures: number): Promise<void> {
    const isPassing =
      error instanceof BusyError || (error instanceof ConnectionError && error.isWorthRetrying);
    if (!isPassing || failures >= (this.options.retries ?? 3)) throw asCooperError(error);
    const asked = error instanceof BusyError ? error.waitSeconds * 1000 : 0;
    if (asked > 30_000) throw asCooperError(error);
    const own = this.options.retryDelayMs ?? 250 * 2 ** failures;
    // a little by chance: those who were turned away together must not come back together
    const pause = Math.max(asked, own) * (1 + Math.random() / 4);
    this.options.onRetry?.(error.message, pause);
    await Bun.sleep(pause);
    this.options.signal?.throwIfAborted();
  }
}

const originOf = (response: Response): string =>
  URL.canParse(response.url) ? new URL(response.url).origin : "";

/** The push side of the distribution-spec: blobs and manifests into one repository. */
import { CooperError } from "../errors.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { ConnectionError } from "./http.ts";
import type { RegistrySession } from "./session.ts";

/** Bytes that are sent while they are still being made. */
export interface UploadSource {
  /** From there to the end. Asked for again where a connection broke. */
  from(offset: number): AsyncIterable<Uint8Array>;
  /** When all of it is there; rejects when it never will be. */
  readonly finished: Promise<{ readonly digest: Digest; readonly size: number }>;
}

/** What is known of a blob before it is sent. */
export interface Blob {
  readonly digest: Digest;
  readonly size: number;
}

/** Uploads into one repository. */
export class Uploader {
  private readonly session: RegistrySession;
  private readonly repository: string;
  private readonly what: string;

  /** @param what the repository in errors, as the user named it */
  constructor(session: RegistrySession, repository: string, what: string) {
    this.session = session;
    this.repository = repository;
    this.what = what;
  }

  private get scopes(): string[] {
    return [`repository:${this.repository}:pull,push`];
  }

  /** Whether the repository has a blob already. */
  async has({ digest, size }: Blob): Promise<boolean> {
    const response = await this.session.retrying(() =>
      this.session.send({
        method: "HEAD",
        path: `${this.repository}/blobs/${digest}`,
        scopes: this.scopes,
        what: this.what,
        expects: [404],
      }),
    );
    if (!response.ok) return false;
    const length = response.headers.get("content-length");
    return length === null || Number(length) === size;
  }

  /**
   * Has the registry take a blob over from another repository of its own (distribution-spec, "Mounting a
   * blob from another repository"); false when it does not, or that one is not for us to read.
   */
  async mount(digest: Digest, from: string): Promise<boolean> {
    const response = await this.session.retrying(() =>
      this.session.send({
        method: "POST",
        path: `${this.repository}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`,
        scopes: [...this.scopes, `repository:${from}:pull`],
        headers: { "Content-Length": "0" },
        what: this.what,
        expects: [401, 403, 404, 405],
      }),
    );
    await response.body?.cancel();
    // 202: it does not know it, and has begun an upload, which is given up
    if (response.status === 202) await this.cancel(this.session.locationOf(response));
    return response.status === 201;
  }

  /** Sends a blob while it is being made; a lost connection is taken up again where the registry stands. */
  async upload(source: UploadSource, onProgress: (sent: number) => void): Promise<Blob> {
    let location: URL | undefined;
    let offset = 0;
    let reached = 0;
    for (let failures = 0; ; ) {
      try {
        if (location === undefined) {
          location = await this.begin();
          offset = 0;
        }
        location = await this.patch(location, source, offset, onProgress);
        const blob = await source.finished;
        await this.finish(location, blob);
        return blob;
      } catch (error) {
        const place: URL | undefined = location;
        await this.session.pauseBefore(error, failures++);
        const status = place === undefined ? undefined : await this.statusOf(place);
        location = status?.location;
        offset = status?.offset ?? 0;
        if (offset > reached) failures = 0; // what makes progress may go on
        reached = Math.max(reached, offset);
      }
    }
  }

  /** Sends bytes that are there. */
  async uploadBytes(bytes: Uint8Array): Promise<Blob> {
    const blob = { digest: digestOf(bytes), size: bytes.length };
    const source = {
      from: async function* (offset: number) {
        yield bytes.subarray(offset);
      },
      finished: Promise.resolve(blob),
    };
    return this.upload(source, () => undefined);
  }

  private async begin(): Promise<URL> {
    const response = await this.session.send({
      method: "POST",
      path: `${this.repository}/blobs/uploads/`,
      scopes: this.scopes,
      headers: { "Content-Length": "0" },
      what: this.what,
    });
    await response.body?.cancel();
    return this.session.locationOf(response);
  }

  /** One request with all there is from the offset on: every registry takes that, small chunks not all. */
  private async patch(
    location: URL,
    source: UploadSource,
    offset: number,
    onProgress: (sent: number) => void,
  ): Promise<URL> {
    let failure: unknown;
    const body = () => {
      let sent = offset;
      const chunks = source.from(offset)[Symbol.asyncIterator]();
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          try {
            const { done, value } = await chunks.next();
            if (done) return controller.close();
            sent += value.length;
            onProgress(sent);
            controller.enqueue(value);
          } catch (error) {
            failure = error;
            controller.error(error);
          }
        },
        async cancel() {
          await chunks.return?.();
        },
      });
    };
    try {
      const response = await this.session.send({
        method: "PATCH",
        path: location,
        scopes: this.scopes,
        headers: {
          "Content-Type": "application/octet-stream",
          // the end is not known yet, and by the specification the range is only needed to go on
          ...(offset > 0 && { "Content-Range": await this.rangeFrom(source, offset) }),
        },
        body,
        what: this.what,
      });
      await response.body?.cancel();
      return this.session.locationOf(response);
    } catch (error) {
      if (failure !== undefined) throw failure; // ours: the layer could not be read
      throw error;
    }
  }

  private async rangeFrom(source: UploadSource, offset: number): Promise<string> {
    const { size } = await source.finished;
    return `${offset}-${Math.max(offset, size - 1)}`;
  }

  private async finish(location: URL, { digest }: Blob): Promise<void> {
    const url = new URL(location);
    url.searchParams.set("digest", digest);
    const response = await this.session.send({
      method: "PUT",
      path: url,
      scopes: this.scopes,
      headers: { "Content-Length": "0" },
      what: this.what,
    });
    await response.body?.cancel();
  }

  /** How far an upload has come (distribution-spec, "Pushing a blob in chunks"); undefined: begin anew. */
  private async statusOf(location: URL): Promise<{ location: URL; offset: number } | undefined> {
    const response = await this.session.retrying(() =>
      this.session.send({
        path: location,
        scopes: this.scopes,
        what: this.what,
        expects: [400, 404, 405, 416],
      }),
    );
    await response.body?.cancel();
    if (!response.ok) return undefined;
    const range = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get("range") ?? "");
    const next = response.headers.has("location") ? this.session.locationOf(response) : location;
    // registries tell "0-0" for nothing as for one byte: then nothing is assumed
    const last = Number(range?.[1] ?? 0);
    return last === 0 ? undefined : { location: next, offset: last + 1 };
  }

  /** A registry that keeps it sweeps it by itself some time: a failure is no reason to fail. */
  private async cancel(location: URL): Promise<void> {
    const call = {
      method: "DELETE",
      path: location,
      scopes: this.scopes,
      what: this.what,
    } as const;
    try {
      const response = await this.session.send({ ...call, expects: [400, 404, 405] });
      await response.body?.cancel();
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof CooperError)) throw error;
    }
  }

  /**
   * Gives the repository a manifest or index, by tag or digest.
   *
   * @throws CooperError registry when it says that it keeps another one
   */
  async putManifest(
    reference: string,
    manifest: { readonly text: string; readonly mediaType: string },
  ): Promise<Digest> {
    await this.put(reference, manifest);
    return digestOf(manifest.text);
  }

  /**
   * Gives the repository a manifest that has a subject, by its digest. False when the registry does not
   * list what refers to something (distribution-spec, "Pushing Manifests with Subject").
   */
  async putReferrer(manifest: {
    readonly text: string;
    readonly mediaType: string;
  }): Promise<boolean> {
    const response = await this.put(digestOf(manifest.text), manifest);
    return response.headers.has("oci-subject");
  }

  private async put(
    reference: string,
    manifest: { readonly text: string; readonly mediaType: string },
  ): Promise<Response> {
    const digest = digestOf(manifest.text);
    const response = await this.session.retrying(() =>
      this.session.send({
        method: "PUT",
        path: `${this.repository}/manifests/${reference}`,
        scopes: this.scopes,
        headers: { "Content-Type": manifest.mediaType },
        body: manifest.text,
        what: this.what,
      }),
    );
    await response.body?.cancel();
    const kept = response.headers.get("docker-content-digest");
    if (kept?.startsWith("sha256:") && kept !== digest)
      throw new CooperError(
        "registry",
        `${this.session.registry} keeps another manifest than was given to it: ${kept}, not ${digest}`,
      );
    return response;
  }
}

/** Handlers that carry images: pull, push, load, import, export. */
import { CooperError } from "../../../errors.ts";
import type { LoadedImage } from "../../../image/load.ts";
import { progressOnStderr } from "../../../image/transfer-progress.ts";
import { anyPlatform, type PlatformChoice, parsePlatform } from "../../../oci/platform.ts";
import { pushForm } from "../../../oci/push-form.ts";
import { oneOf } from "../../../option.ts";
import { pushed } from "../../http/pushed.ts";
import { json, type Reply } from "../../http/reply.ts";
import { imageName } from "../../image-name.ts";
import { progressReply, type Tell } from "../../progress.ts";
import type { Call, Handler } from "../../route.ts";
import { accessOf } from "../access.ts";
import { errorLine } from "../failure.ts";
import { Parameters } from "../parameters.ts";

const saveFormat = oneOf("docker-archive", "oci-archive", "oci-dir", "docker-dir");

function platformOf(parameters: Parameters): PlatformChoice {
  const text = parameters.text("platform");
  const chosen = text === "" ? anyPlatform : parsePlatform(text);
  const word = (name: string) => parameters.text(name) || null;
  return {
    os: word("OS") ?? chosen.os,
    architecture: word("Arch") ?? word("architecture") ?? chosen.architecture,
    variant: word("Variant") ?? chosen.variant,
  };
}

/** The lines that a terminal shows. */
export const streamed = (verb: "pull" | "push", tell: Tell, more: Record<string, unknown> = {}) =>
  progressOnStderr(verb, { columns: null, write: (stream) => tell({ ...more, stream }) });

export const pull: Handler = async ({ engine, request }) => {
  const parameters = new Parameters(request.query);
  const name = imageName(parameters.text("reference"));
  if (name === "") throw new CooperError("invalid-argument", "reference parameter cannot be empty");
  const policy = parameters.value("policy", oneOf("always", "missing", "never", "newer"));
  const isQuiet = parameters.flag("quiet");
  const options = {
    ...accessOf(request, parameters),
    policy: policy ?? "always",
    platform: platformOf(parameters),
  } as const;
  const takesAll = parameters.flag("allTags");
  return progressReply(async (tell) => {
    const how = { ...options, ...(!isQuiet && { onProgress: streamed("pull", tell) }) };
    const pulled = takesAll
      ? await engine.images.pullAllTags(name, how)
      : [await engine.images.pull(name, how)];
    const images = pulled.map(({ image }) => image.id);
    tell({ images, id: images.at(-1) });
  }, errorLine);
};

export const push: Handler = async ({ engine, params, request }) => {
  const parameters = new Parameters(request.query);
  const name = params.name ?? "";
  const destination = imageName(parameters.text("destination"));
  const options = {
    ...accessOf(request, parameters),
    ...pushForm(formWords(parameters)),
  };
  const to = destination === "" ? null : destination;
  if (parameters.flag("quiet", true)) {
    await engine.images.push(name, to, options);
    return { status: 200 };
  }
  return progressReply(async (tell) => {
    await engine.images.push(name, to, { ...options, onProgress: streamed("push", tell) });
  }, errorLine);
};

/** `compress` goes with directories of this machine; layers for a registry always are. */
export const formWords = (parameters: Parameters) => ({
  format: parameters.text("format"),
  compressionFormat: parameters.text("compressionFormat"),
  compressionLevel: parameters.number("compressionLevel"),
  forceCompression: parameters.flag("forceCompressionFormat"),
});

export const load: Handler = async ({ engine, request }) =>
  json({
    Names: namesOf(
      await engine.images.withUpload(request.body, (input) =>
        engine.images.load({ input, signal: request.signal }),
      ),
    ),
  });

/** A file that client and service both see. */
export const loadLocal: Handler = async ({ engine, request }) => {
  const path = new Parameters(request.query).text("path");
  if (!path.startsWith("/"))
    throw new CooperError("invalid-argument", `path ${JSON.stringify(path)} is not absolute`);
  const loaded = await engine.images.load({ input: path, signal: request.signal });
  return json({ Names: namesOf(loaded) });
};

const namesOf = (loaded: readonly LoadedImage[]): string[] =>
  loaded.flatMap(({ image, names }) => (names.length > 0 ? names : [`sha256:${image.id}`]));

export const importTar: Handler = async ({ engine, request }) => {
  const parameters = new Parameters(request.query);
  const url = parameters.text("URL");
  if (url !== "" && !/^https?:\/\//i.test(url))
    throw new CooperError("invalid-argument", `${JSON.stringify(url)} is no http address`);
  const options = {
    name: parameters.text("reference") || null,
    changes: parameters.texts("changes"),
    message: parameters.text("message") || null,
    platform: platformOf(parameters),
    signal: request.signal,
  };
  const image =
    url === ""
      ? await engine.images.withUpload(request.body, (input) =>
          engine.images.import({ ...options, input }),
        )
      : await engine.images.import({ ...options, input: url });
  return json({ Id: `sha256:${image.id}` });
};

export const exportOne: Handler = async (call) => saved(call, [call.params.name ?? ""]);

export const exportMany: Handler = async (call) => {
  const names = new Parameters(call.request.query).texts("references");
  if (names.length === 0) throw new CooperError("invalid-argument", "no references");
  return saved(call, names);
};

/** Directories are sent as the tar of their files, which the client unpacks. */
async function saved({ engine, request }: Call, names: readonly string[]): Promise<Reply> {
  const parameters = new Parameters(request.query);
  const format = parameters.value("format", saveFormat) ?? "oci-archive";
  const isArchive = format === "docker-archive";
  if (parameters.flag("compress") && isArchive)
    throw new CooperError(
      "invalid-argument",
      "compress: layers in a docker-archive are never compressed",
    );
  if (names.length > 1 && format === "docker-dir")
    throw new CooperError("invalid-argument", "a docker-dir holds one image, not several");
  for (const name of names) await engine.images.inspect(name); // before anything is sent
  const isPlain = isArchive || parameters.flag("ociAcceptUncompressedLayers");
  const compression = parameters.flag("compress") ? "gzip" : isPlain ? "none" : null;
  const how = { format, compression, signal: request.signal } as const;
  return {
    status: 200,
    headers: { "Content-Type": "application/x-tar" },
    body: pushed<Uint8Array>((output) => engine.images.save(names, { ...how, output })),
  };
}

/** From one user's store to another's, or to another machine. */
export const copyElsewhere: Handler = async () => {
  throw new CooperError(
    "not-supported",
    "images are not copied between users and machines over the API: run cooper image scp, or save it at one and load it at the other",
  );
};

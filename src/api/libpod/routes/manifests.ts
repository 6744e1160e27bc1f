/** Handlers of manifest lists. */
import { CooperError } from "../../../errors.ts";
import { indexDocument } from "../../../oci/manifest-list.ts";
import { anyPlatform } from "../../../oci/platform.ts";
import { pushForm } from "../../../oci/push-form.ts";
import { type Document, readDocument } from "../../document.ts";
import { json } from "../../http/reply.ts";
import { imageName } from "../../image-name.ts";
import { progressReply } from "../../progress.ts";
import type { Call, Handler } from "../../route.ts";
import { accessOf } from "../access.ts";
import { errorLine, wordsOf } from "../failure.ts";
import { removalReport } from "../image.ts";
import { annotationsOf, entryChange, listChange, listId } from "../manifest.ts";
import { Parameters } from "../parameters.ts";
import { formWords, streamed } from "./images-transfer.ts";
import { removeManifestList } from "./images-write.ts";

export const create: Handler = async (call) => {
  const { engine, params, request } = call;
  const parameters = new Parameters(request.query);
  const name = params.name ?? "";
  const images = parameters.texts("images");
  const body = await readDocument(request.body);
  const list = await engine.manifests.create(name, images, {
    ...accessOf(request, parameters),
    isAll: parameters.flag("all"),
    platform: anyPlatform,
    change: { platform: {}, annotations: {} },
    isAmending: parameters.flag("amend"),
    annotations: annotationsOf(parameters.texts("annotation"), parameters.pairs("annotations")),
  });
  for (const image of imagesOf(body)) await add(call, name, image, body);
  await annotateList(call, name, body);
  const made = (await engine.manifests.find(name)) ?? list;
  return json({ Id: listId(made) }, 201);
};

/** Of the list itself clients say that its name is empty. */
const imagesOf = (body: Document) => body.strings("Images").filter((image) => image !== "");

function add({ engine, request }: Call, name: string, image: string, body: Document) {
  const change = entryChange(body);
  const { architecture = null, os = null, variant = null } = change.platform;
  return engine.manifests.add(name, [image], {
    ...accessOf(request, new Parameters(request.query)),
    isAll: body.boolean("All") ?? false,
    platform: { os, architecture, variant },
    change,
  });
}

async function annotateList({ engine, request }: Call, name: string, body: Document) {
  const change = listChange(body);
  if (change === undefined) return;
  await engine.manifests.annotate(name, null, {
    ...accessOf(request, new Parameters(request.query)),
    change: { platform: {}, annotations: change.annotations },
    subject: change.subject,
  });
}

/** One after the other: those that went wrong are told, and the others are done. */
export const modify: Handler = async (call) => {
  const { engine, params, request } = call;
  if (/^multipart\//i.test(request.headers.get("content-type") ?? ""))
    throw new CooperError("not-supported", "a list holds images, not artifacts");
  const name = params.name ?? "";
  const body = await readDocument(request.body);
  const parameters = new Parameters(request.query);
  const operation = body.string("Operation") || parameters.text("operation");
  if (!["update", "remove", "annotate"].includes(operation))
    throw new CooperError(
      "invalid-argument",
      `illegal operation ${JSON.stringify(operation)}: there are update, remove and annotate`,
    );
  if ((await engine.manifests.find(name)) === undefined)
    throw new CooperError("no-such-image", `no such image: ${name}`);
  const images: string[] = [];
  const errors: string[] = [];
  const one = (image: string) => {
    if (operation === "update") return add(call, name, image, body);
    if (operation === "remove") return engine.manifests.remove(name, image);
    return engine.manifests.annotate(name, image, { change: entryChange(body), subject: null });
  };
  for (const image of imagesOf(body)) {
    try {
      await one(image);
      images.push(image);
    } catch (error) {
      errors.push(wordsOf(error)[0]);
    }
  }
  await annotateList(call, name, body);
  const list = await engine.manifests.find(name);
  const Id = list === undefined || errors.length > 0 ? "" : listId(list);
  const status = errors.length === 0 ? 200 : images.length > 0 ? 409 : 400;
  return json(
    { Id, ...(images.length > 0 && { images }), ...(errors.length > 0 && { errors }) },
    status,
  );
};

export const exists: Handler = async ({ engine, params }) => {
  if ((await engine.manifests.find(params.name ?? "")) !== undefined) return { status: 204 };
  throw new CooperError("no-such-image", "manifest not found");
};

/** A list here, what an image here came with, or what a registry has. */
export const inspect: Handler = async ({ engine, params, request }) => {
  const name = params.name ?? "";
  const list = await engine.manifests.find(name);
  const here =
    list === undefined ? await engine.manifests.ofImage(name) : indexDocument(list, "oci").text;
  if (here !== undefined) return json(JSON.parse(here));
  const access = accessOf(request, new Parameters(request.query));
  return json(JSON.parse((await engine.manifests.atRegistry(name, access)).manifest.text));
};

export const remove: Handler = async ({ engine, params }) =>
  json(removalReport({ ...(await removeManifestList(engine, params.name ?? "")), errors: [] }));

export const push: Handler = async ({ engine, params, request }) => {
  const parameters = new Parameters(request.query);
  const name = params.name ?? "";

  if (parameters.texts("addCompression").length > 0)
    throw new CooperError(
      "not-supported",
      "addCompression: each image of a list is pushed in one form",
    );
  const options = {
    ...accessOf(request, parameters),
    ...pushForm(formWords(parameters)),
    signers: {},
    withImages: parameters.flag("all"),
    isRemoved: false,
  };
  const to = imageName(params.destination ?? "");
  if (parameters.flag("quiet", true))
    return json({ Id: (await engine.manifests.push(name, to, options)).digest });
  return progressReply(
    async (tell) => {
      const onProgress = streamed("push", tell, { Id: "" });
      const { digest } = await engine.manifests.push(name, to, { ...options, onProgress });
      tell({ Id: digest });
    },
    (error) => ({ Id: "", ...errorLine(error) }),
  );
};

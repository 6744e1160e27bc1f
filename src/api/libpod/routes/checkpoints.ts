/** Handlers of checkpoints. */
import type { CheckpointReport } from "../../../container/checkpoint/checkpoint.ts";
import { applyOption } from "../../../container/options/apply.ts";
import { emptySpec } from "../../../container/spec.ts";
import { CooperError } from "../../../errors.ts";
import { json } from "../../http/reply.ts";
import type { Handler } from "../../route.ts";
import { Parameters } from "../parameters.ts";

const compressions = ["gzip", "zstd", "none"] as const;

/** What criu's own reports are called by Podman's clients. */
const report = (
  verb: "checkpoint" | "restore",
  { id, runtimeMicroseconds, criu }: CheckpointReport,
) => ({
  Id: id,
  [`runtime_${verb}_duration`]: runtimeMicroseconds,
  criu_statistics: criu,
});

const common = (parameters: Parameters) => ({
  keeps: parameters.flag("keep"),
  tcpEstablished: parameters.flag("tcpEstablished"),
  fileLocks: parameters.flag("fileLocks"),
});

export const checkpoint: Handler = async ({ engine, params, request }) => {
  const name = params.name ?? "";
  const parameters = new Parameters(request.query);
  for (const absent of ["preCheckpoint", "withPrevious"])
    if (parameters.flag(absent))
      throw new CooperError(
        "not-supported",
        `${absent} is not supported: memory is not copied ahead of a checkpoint`,
      );
  const options = { ...common(parameters), leavesRunning: parameters.flag("leaveRunning") };
  if (!parameters.flag("export"))
    return json(
      report("checkpoint", await engine.containers.checkpoint(name, { ...options, export: null })),
    );
  const word = parameters.text("compression") || "zstd";
  const compression = compressions.find((one) => one === word);
  if (compression === undefined)
    throw new CooperError(
      "invalid-argument",
      `compression: "${word}" is none of ${compressions.join(", ")}`,
    );
  const body = await engine.containers.streamCheckpoint(name, {
    ...options,
    export: {
      compression,
      ignoresRootfs: parameters.flag("ignoreRootFS"),
      ignoresVolumes: parameters.flag("ignoreVolumes"),
    },
  });
  return { status: 200, headers: { "Content-Type": "application/x-tar" }, body };
};

/** With `import` the body is a checkpoint that was exported, and the name in the path means nothing. */
export const restore: Handler = async ({ engine, params, request }) => {
  const parameters = new Parameters(request.query);
  if (parameters.text("pod") !== "")
    throw new CooperError("not-supported", "there are no pods yet");
  const how = common(parameters);
  if (!parameters.flag("import"))
    return json(report("restore", await engine.containers.restore(params.name ?? "", how)));
  const spec = emptySpec();
  for (const text of parameters.list("publishPorts"))
    applyOption(spec, "--publish", text, "publishPorts");
  const { ports } = spec.networking;
  const restored = await engine.images.withUpload(request.body, (file) =>
    engine.containers.restoreArchive(file, {
      ...how,
      name: parameters.text("name") || null,
      ports: ports.length > 0 ? ports : null,
      ignoresRootfs: parameters.flag("ignoreRootFS"),
      ignoresVolumes: parameters.flag("ignoreVolumes"),
      ignoresStaticIp: parameters.flag("ignoreStaticIP"),
      ignoresStaticMac: parameters.flag("ignoreStaticMAC"),
      createCommand: [],
    }),
  );
  return json(report("restore", restored));
};

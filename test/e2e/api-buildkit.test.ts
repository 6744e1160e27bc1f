/** BuildKit's protocol, which docker's buildx and compose speak: builds of files that the client lends. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { encode } from "../../src/api/buildkit/protobuf.ts";
import { buildWith, type LentFiles, lend } from "./buildkit-client.ts";
import { testHost, users } from "./host.ts";
import { Service } from "./service.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const isLink = 2 ** 27;

test.each(everybody)("a Dockerfile of a client is built by $who", async ({ user }) => {
  await using host = await testHost(user);
  await using service = await Service.start(host);
  const dockerfile = {
    Dockerfile: `FROM hello
ARG V=0
COPY . /ctx
COPY --from=more . /more
RUN --mount=type=secret,id=s echo "$V $(cat /ctx/dir/f) $(cat /more/m) $(cat /run/secrets/s)"
RUN readlink /ctx/link; ls /ctx | wc -l; cat /ctx/gro* | wc -c`,
  };
  const files = {
    dockerfile,
    context: {
      dir: { mode: 2 ** 31 + 0o755 },
      "dir/f": "file",
      "große Datei": "x".repeat(300_000),
      link: { mode: isLink + 0o777, target: "../elsewhere" },
    },
    "more-files": { m: "more" },
  };
  const attributes = { "build-arg:V": "7", "context:more": "local:more-files" };
  const secrets = {
    "/moby.buildkit.secrets.v1.Secrets/GetSecret": async (
      call: Parameters<typeof lend>[0],
    ): Promise<void> => {
      for await (const _ of call.messages) return call.send(encode([1, "secret"]));
    },
  };
  const built = await buildWith(service.socket, files, attributes, "app:1", secrets);
  expect(built.error).toBe("");
  expect(built.output).toContain("7 file more secret\n../elsewhere\n3\n300000\n");
  expect(built.vertices.get("[stage-0 2/5] COPY . /ctx")).toEqual({
    cached: false,
    completed: true,
    error: "",
  });
  expect(built.response?.["image.name"]).toBe("app:1");
  const id = await host.must("image", "inspect", "-f", "{{.Id}}", "app:1");
  expect(built.response?.["containerimage.config.digest"]).toBe(`sha256:${id}`);
  const again = await buildWith(service.socket, files, attributes, "app:2", secrets);
  expect(again.vertices.get("[stage-0 2/5] COPY . /ctx")?.cached).toBe(true);
  const failing = { ...files, dockerfile: { Dockerfile: "FROM hello\nRUN echo so; exit 3" } };
  const failed = await buildWith(service.socket, failing, {});
  expect(failed.error).toContain("exit code: 3");
  expect(failed.vertices.get("[stage-0 2/2] RUN echo so; exit 3")?.error).toContain("exit code: 3");
  expect((await buildWith(service.socket, { context: {} }, {})).error).toContain(
    "failed to read dockerfile: open Dockerfile",
  );
  expect((await buildWith(service.socket, files, { platform: "?" })).error).toContain(
    "invalid platform",
  );
});

const through = { link: { mode: isLink + 0o777, target: "/" } };

test.each<[string, LentFiles]>([
  ["climbs", { "../../evil": "x" }],
  ["is absolute", { "/tmp/evil-of-a-build": "x" }],
  ["goes through a link", { ...through, "link/tmp/evil-of-a-build": "x" }],
  ["is a hard link to elsewhere", { passwd: { target: "/etc/passwd" } }],
])("a context whose name %s writes nowhere else", async (_, context) => {
  await using host = await testHost();
  await using service = await Service.start(host);
  const dockerfile = { Dockerfile: "FROM hello\nCOPY . /c\nRUN find /c | sort; cat /c/passwd" };
  const built = await buildWith(service.socket, { dockerfile, context }, {});
  expect(existsSync("/tmp/evil-of-a-build")).toBe(false);
  expect(built.output).not.toContain("root:");
  expect((await service.ask("GET", "/_ping")).text).toBe("OK");
  expect(await host.must("ps", "-aq")).toBe("");
});

test("a client that sends what nobody asked for is told so, and one that leaves ends its build", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  const dockerfile = { Dockerfile: "FROM hello\nCOPY . /c\nRUN sleep 98765" };
  const way = "/moby.filesync.v1.FileSync/DiffCopy";
  const wrong = await buildWith(service.socket, {}, {}, "", {
    [way]: async (call) => {
      await call.send(encode([2, encode([1, "Dockerfile"], [2, 0o644], [5, 4])]));
      await call.send(encode([1, 0]));
      await call.send(encode([1, 2], [3, 99], [4, "x"]));
      for await (const _ of call.messages);
    },
  });
  expect(wrong.error).toContain("as nobody asked");
  const long = await buildWith(service.socket, {}, {}, "", {
    [way]: async (call) => {
      const shown = call.metadata["dir-name"] === "dockerfile" ? dockerfile : {};
      if (call.metadata["include-patterns"] !== undefined) return lend(call, shown);
      await call.send(encode([2, encode([1, "f"], [2, 0o644], [5, 4])]));
      await call.send(encode([1, 0]));
      await call.send(encode([1, 2], [4, "longer than it said"]));
      await call.send(encode([1, 2]));
      for await (const _ of call.messages);
    },
  });
  expect(long.error).toContain("f has changed while the context was sent");
  // not HTTP/2 at all
  const raw = await service.raw(
    "POST /grpc HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nnonsense that is no preface of it\r\n\r\n",
  );
  expect(raw).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
  const plain = await service.ask("POST", "/grpc");
  expect(plain.status).toBe(400);
  const child = Bun.spawn(
    [
      "bun",
      "-e",
      `import { buildWith } from "${import.meta.dir}/buildkit-client.ts"; await buildWith(${JSON.stringify(service.socket)}, { dockerfile: ${JSON.stringify(dockerfile)}, context: {} }, {});`,
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const sleeps = () =>
    Bun.spawnSync(["pgrep", "-fx", "sleep 98765"]).stdout.toString().split("\n").length > 1;
  for (let waits = 0; !sleeps(); waits++) {
    if (waits > 200) throw new Error("the build does not run");
    await Bun.sleep(50);
  }
  child.kill("SIGKILL");
  await child.exited;
  for (let waits = 0; sleeps(); waits++) {
    if (waits > 200) throw new Error("the build goes on without its client");
    await Bun.sleep(50);
  }
});

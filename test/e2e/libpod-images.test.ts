/** libpod's API, the part about what is kept: Podman's own client and bare requests, for root and an ordinary user. */
import { describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testHost, users } from "./host.ts";
import { dockerArchive, tarOf } from "./images.ts";
import { debianRegistry } from "./registries.ts";
import { testRegistry } from "./registry.ts";
import { podmanClient, Service } from "./service.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const lines = (text: string) => text.split("\n").filter((line) => line !== "");

describe.skipIf(podmanClient === null)("podman's remote client", () => {
  test.each(everybody)("lists, names, saves and removes images as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    const podman = (...args: string[]) => service.mustPodman(...args);
    const place = host.place("files");
    const archive = join(place, "box.tar");
    writeFileSync(archive, dockerArchive("localhost/box:1", 2, { Labels: { a: "b" } }));

    expect(await podman("load", "-i", archive)).toBe("Loaded image: localhost/box:1");
    expect(await podman("images", "--noheading", "--format", "{{.Repository}}:{{.Tag}}")).toBe(
      "localhost/box:1",
    );
    const [item] = JSON.parse(await podman("images", "--format", "json"));
    expect(item).toMatchObject({ Names: ["localhost/box:1"], Labels: { a: "b" }, Containers: 0 });
    expect(await podman("images", "-q", "--filter", "label=a=x")).toBe("");
    const [document] = JSON.parse(await podman("image", "inspect", "box:1"));
    expect(document).toMatchObject({ Id: item.Id, Os: "linux", Config: { Cmd: ["/bin/sh"] } });
    expect(document.RootFS.Layers).toHaveLength(2);
    expect(lines(await podman("history", "--format", "{{.CreatedBy}}", "box:1"))).toEqual([
      "layer 2",
      "layer 1",
    ]);
    expect(await podman("image", "tree", "box:1")).toMatch(/Top Layer of: \[localhost\/box:1\]$/m);
    expect((await service.podman("image", "exists", "box:1")).exitCode).toBe(0);
    expect((await service.podman("image", "exists", "nope")).exitCode).toBe(1);
    expect(await service.podman("image", "inspect", "nope")).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining("nope: image not known"),
    });

    await podman("tag", "box:1", "two:x", "two:y");
    await podman("untag", "two:x", "two:x");
    expect(await podman("rmi", "two:y")).toBe("Untagged: localhost/two:y");
    expect(await service.podman("rmi", "nope")).toMatchObject({ exitCode: 1 });
    await host.must("create", "--name", "c", "localhost/box:1");
    expect(await service.podman("rmi", "box:1")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("image is in use by a container"),
    });
    await host.must("rm", "c");

    for (const format of ["docker-archive", "oci-archive"]) {
      const file = join(place, format);
      await podman("save", "--format", format, "-o", file, "box:1");
      await podman("rmi", "box:1");
      expect(await podman("load", "-i", file)).toBe("Loaded image: localhost/box:1");
    }
    for (const [format, files] of [
      ["oci-dir", ["blobs", "index.json", "oci-layout"]],
      ["docker-dir", expect.arrayContaining(["manifest.json", "version"])],
    ] as const) {
      const directory = join(place, format);
      await podman("save", "--format", format, "-o", directory, "box:1");
      expect(readdirSync(directory).toSorted()).toEqual(files);
    }
    expect(await service.podman("save", "nope", "-o", join(place, "x"))).toMatchObject({
      exitCode: 125,
    });

    writeFileSync(join(place, "tree.tar"), tarOf([{ path: "f", content: "1" }]));
    await podman("import", "-m", "why", "-c", "CMD=sh", join(place, "tree.tar"), "imp:1");
    expect(await podman("history", "--format", "{{.Comment}}", "imp:1")).toBe("why");
    expect(await podman("image", "diff", "imp:1")).toBe("A /f");
    expect(await podman("untag", "imp:1")).toBe("");
    expect(await podman("image", "prune", "-f")).toMatch(/^[0-9a-f]{64}$/);
    expect(await podman("rmi", "-a", "-f")).toContain(`Deleted: ${item.Id}`);
    expect(await podman("images", "-q")).toBe("");
  });

  test.each(everybody)("asks registries, and puts lists together, as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    await using registry = await testRegistry();
    const podman = (...args: string[]) => service.mustPodman(...args);
    const at = (name: string) => `${registry.address}/${name}`;
    await host.must("pull", "-q", "hello");
    const id = await host.must("images", "-q", "--no-trunc");

    const pushed = await service.podman("push", "--tls-verify=false", "hello", at("h:1"));
    expect(pushed).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("Copying blob") });
    expect(await podman("push", "-q", "--tls-verify=false", "hello", at("h:2"))).toBe("");
    expect(await service.podman("push", "nope", at("h:2"))).toMatchObject({
      exitCode: 125,
      stderr: "Error: nope: image not known\n",
    });
    expect(await service.podman("push", "hello", "127.0.0.1:1/h")).toMatchObject({ exitCode: 125 });
    expect(await podman("search", "--tls-verify=false", "--format", "{{.Name}}", at(""))).toBe(
      at("h"),
    );
    const tags = lines(await podman("search", "--list-tags", "--tls-verify=false", at("h")));
    expect(tags.map((line) => line.split(/\s+/)[1]).toSorted()).toEqual(["1", "2", "TAG"]);
    await podman("rmi", "-a", "-f");
    const pulled = await service.podman("pull", "--tls-verify=false", at("h:1"));
    expect(pulled).toMatchObject({ exitCode: 0, stdout: `${id.slice("sha256:".length)}\n` });
    expect(pulled.stderr).toContain(`Trying to pull ${at("h:1")}...`);
    expect(lines(await podman("pull", "-q", "-a", "--tls-verify=false", at("h")))).toHaveLength(2);
    expect(await podman("images", "-q", "--filter", "reference=h:2")).not.toBe("");
    for (const wrong of [at("nope:1"), "oci-archive:/etc/passwd", "UPPER"])
      expect((await service.podman("pull", wrong)).exitCode).toBe(125);
    const never = await service.ask(
      "POST",
      "/v5.0.0/libpod/images/pull?reference=nope&policy=never",
    );
    expect(never).toMatchObject({ status: 404, text: expect.stringContaining("image not known") });

    const made = await podman("manifest", "create", "ml");
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    expect((await service.podman("manifest", "create", "ml")).exitCode).toBe(125);
    expect((await service.podman("manifest", "exists", "ml")).exitCode).toBe(0);
    expect((await service.podman("manifest", "exists", "nope")).exitCode).toBe(1);
    await podman("manifest", "add", "--tls-verify=false", "ml", `docker://${at("h:1")}`);
    const [first] = JSON.parse(await podman("manifest", "inspect", "ml")).manifests;
    const ofList = { operation: "annotate", images: [""], index_annotations: { a: "b" } };
    expect((await service.ask("PUT", "/v5.8.0/libpod/manifests/ml", ofList)).status).toBe(200);
    const change = { operation: "annotate", images: [first.digest], arch: "s390x" };
    expect((await service.ask("PUT", "/v4.3.1/libpod/manifests/ml", change)).status).toBe(200);
    expect(JSON.parse(await podman("manifest", "inspect", "ml")).manifests).toMatchObject([
      { digest: first.digest, platform: { architecture: "s390x" } },
    ]);
    await podman("manifest", "push", "--all", "--tls-verify=false", "ml", `docker://${at("ml:1")}`);
    const response = await fetch(`http://${registry.address}/v2/ml/manifests/1`, {
      headers: { Accept: "application/vnd.oci.image.index.v1+json" },
    });
    expect(await response.json()).toMatchObject({
      manifests: [{ digest: first.digest }],
      annotations: { a: "b" },
    });
    const absent = { operation: "remove", images: [`sha256:${"0".repeat(64)}`] };
    expect(await service.ask("PUT", "/v5.0.0/libpod/manifests/ml", absent)).toMatchObject({
      status: 400,
      text: expect.stringContaining("has no image"),
    });
    await podman("manifest", "remove", "ml", first.digest);
    expect(await podman("manifest", "rm", "ml")).toContain("Untagged: localhost/ml:latest");
    expect((await service.podman("manifest", "rm", "ml")).stderr).toContain("image not known");
  });

  test.each(everybody)("keeps volumes, networks and secrets as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    const podman = (...args: string[]) => service.mustPodman(...args);

    expect(await podman("volume", "create", "--label", "a=b", "v")).toBe("v");
    expect((await service.podman("volume", "create", "v")).stderr).toContain("already exists");
    expect(await podman("volume", "ls", "-q", "-f", "label=a=b")).toBe("v");
    const [volume] = JSON.parse(await podman("volume", "inspect", "v"));
    expect(volume).toMatchObject({
      Name: "v",
      Driver: "local",
      Labels: { a: "b" },
      Scope: "local",
    });
    const tar = tarOf([{ path: "f", content: "in it" }]);
    const sent = await fetch("http://d/v5.6.0/libpod/volumes/v/import", {
      unix: service.socket,
      method: "POST",
      body: new Uint8Array(tar),
    });
    expect(sent.status).toBe(204);
    const got = await fetch("http://d/v5.6.0/libpod/volumes/v/export", { unix: service.socket });
    const file = join(host.place("files"), "v.tar");
    writeFileSync(file, new Uint8Array(await got.arrayBuffer()));
    expect(Bun.spawnSync(["tar", "-xOf", file, "f"]).stdout.toString()).toBe("in it");
    expect((await service.podman("volume", "exists", "v")).exitCode).toBe(0);
    expect((await service.podman("volume", "exists", "nope")).exitCode).toBe(1);
    expect((await service.podman("volume", "inspect", "nope")).stderr).toContain("no such volume");
    await podman("volume", "create", "w");
    expect(await podman("volume", "rm", "v")).toBe("v");
    expect(await podman("volume", "prune", "-f")).toBe("w");

    const own = ["--subnet", "10.91.7.0/24", "--ip-range", "10.91.7.128/25", "--label", "a=b"];
    expect(await podman("network", "create", ...own, "--disable-dns", "n")).toBe("n");
    expect((await service.podman("network", "create", "n")).stderr).toContain("already");
    expect(lines(await podman("network", "ls", "-q")).toSorted()).toEqual(["n", "podman"]);
    expect(JSON.parse(await podman("network", "inspect", "n"))).toMatchObject([
      {
        name: "n",
        driver: "bridge",
        labels: { a: "b" },
        dns_enabled: false,
        subnets: [
          {
            subnet: "10.91.7.0/24",
            gateway: "10.91.7.1",
            lease_range: { start_ip: "10.91.7.129", end_ip: "10.91.7.255" },
          },
        ],
      },
    ]);
    await host.must("create", "--name", "c", "--network", "n", "hello");
    await podman("network", "create", "m");
    await podman("network", "connect", "--alias", "db", "m", "c");
    expect((await service.podman("network", "rm", "m")).stderr).toContain("network is being used");
    await podman("network", "disconnect", "m", "c");
    expect(await podman("network", "rm", "m")).toBe("m");
    await host.must("rm", "c");
    expect((await service.podman("network", "exists", "nope")).exitCode).toBe(1);
    expect((await service.podman("network", "inspect", "nope")).stderr).toContain(
      "network not found",
    );
    expect(await podman("network", "prune", "-f")).toBe("n");

    const secret = join(host.place("files"), "secret");
    writeFileSync(secret, "hush");
    const id = await podman("secret", "create", "s", secret);
    expect((await service.podman("secret", "create", "s", secret)).stderr).toContain(
      "secret name in use",
    );
    expect(await podman("secret", "ls", "--format", "{{.ID}} {{.Name}}")).toBe(`${id} s`);
    const shown = await service.ask("GET", "/v5.0.0/libpod/secrets/s/json");
    expect(shown.text).not.toContain("hush");
    const bare = await service.ask("GET", "/v5.0.0/libpod/secrets/s/json?showsecret=true");
    expect(JSON.parse(bare.text).SecretData).toBe("hush");
    expect((await service.podman("secret", "inspect", "nope")).stderr).toContain("no such secret");
    expect(await podman("secret", "rm", "s")).toBe(id);
    expect(await podman("secret", "ls", "-q")).toBe("");
  });
});

describe.skipIf(podmanClient === null)("podman's remote client", () => {
  test.each(everybody)("builds as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    const podman = (...args: string[]) => service.mustPodman(...args);
    await host.must("pull", "-q", "hello");
    const place = host.place("files");
    const context = host.place("files/context");
    writeFileSync(join(context, "f"), "in it");
    writeFileSync(join(context, "left-out"), "not in it");
    writeFileSync(join(context, ".containerignore"), "left-out\n");
    writeFileSync(join(place, "token"), "hush");
    const file = (...rows: string[]) => {
      const path = join(place, "Elsewhere");
      writeFileSync(path, `${rows.join("\n")}\n`);
      return ["-f", path];
    };
    const all = [
      ...["FROM hello AS base", "ARG A=1", "COPY . /ctx"],
      "RUN --mount=type=secret,id=t test $(cat /run/secrets/t) = hush && echo $A > /a",
      ...["FROM base", "RUN echo told; find /ctx -type f > /found"],
    ];
    const built = await podman(
      ...["build", ...file(...all), "-t", "b:1", "-t", "b:2", "--build-arg", "A=5"],
      ...["--secret", `id=t,src=${join(place, "token")}`, "--label", "l=v", "--annotation", "q=r"],
      ...["--add-host", "db:10.0.0.7", "--ulimit", "nofile=100:100", context],
    );
    const printed = lines(built);
    expect(printed).toContain("told");
    expect(printed.filter((line) => line.includes("STEP ")).at(-1)).toMatch(
      /STEP 2\/2: RUN echo told/,
    );
    expect(printed.slice(-3)).toEqual([
      "Successfully tagged localhost/b:1",
      "Successfully tagged localhost/b:2",
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ]);
    const shown = ["run", "--rm", "--network", "none", "b:1", "sh", "-c"];
    // neither the Dockerfile of elsewhere nor the secret, which came in the same tar, were in the context
    expect(lines(await host.must(...shown, "sort /found; cat /a"))).toEqual([
      "/ctx/.containerignore",
      "/ctx/f",
      "5",
    ]);
    const [document] = JSON.parse(await podman("image", "inspect", "b:2"));
    expect(document).toMatchObject({ Labels: { l: "v" }, Annotations: { q: "r" } });
    expect(document.RootFS.Layers).toHaveLength(4);
    const args = file("FROM hello", "RUN echo a", "RUN echo b");
    expect(await podman("build", "-q", ...args, context)).toMatch(/^[0-9a-f]{64}$/);
    await podman("build", "--squash", ...args, "-t", "s", context);
    expect(await podman("image", "inspect", "--format", "{{len .RootFS.Layers}}", "s")).toBe("2");

    const failed = await service.podman("build", ...file("FROM hello", "RUN exit 7"), context);
    expect(failed).toMatchObject({ exitCode: 7, stderr: expect.stringContaining("exit status 7") });
    const named = await service.podman("build", ...args, "--target", "nope", context);
    expect(named).toMatchObject({ exitCode: 125, stderr: expect.stringContaining("nope") });
    for (const wrong of [
      ["--from", "x"],
      ["--env", "A=b"],
      ["--isolation", "chroot"],
    ])
      expect(await service.podman("build", ...args, ...wrong, context)).toMatchObject({
        exitCode: 125,
        stderr: expect.stringContaining("not supported"),
      });
  });
});

test("a directory of this machine is built where its path is absolute", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  await host.must("pull", "-q", "hello");
  const context = host.place("context");
  writeFileSync(join(context, "Containerfile"), "FROM hello\nCOPY f /f\n");
  writeFileSync(join(context, "f"), "in it");
  const ask = (query: string) => service.ask("POST", `/v5.7.0/libpod/local/build?${query}`);
  const made = await ask(`localcontextdir=${context}&layers=1&t=l`);
  expect(made.status).toBe(200);
  expect(JSON.parse(lines(made.text).at(-1) ?? "")).toEqual({
    stream: expect.stringMatching(/^[0-9a-f]{64}\n$/),
  });
  expect(await host.must("run", "--rm", "--network", "none", "l", "cat", "/f")).toBe("in it");
  expect((await ask("localcontextdir=context")).status).toBe(400);
  expect((await ask(`localcontextdir=${context}&secrets=["id=a,src=f"]`)).status).toBe(501);
});

test("a secret in a sent context is a file of that context, and no link out of it", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  await host.must("pull", "-q", "hello");
  const context = tarOf([
    {
      path: "Dockerfile",
      content: "FROM hello\nRUN --mount=type=secret,id=t cat /run/secrets/t\n",
    },
    { path: "s", link: "/etc/passwd" },
  ]);
  const response = await fetch("http://d/v5.0.0/libpod/build?secrets=[%22id=t,src=s%22]", {
    unix: service.socket,
    method: "POST",
    body: new Uint8Array(context),
  });
  const text = await response.text();
  expect(text).toContain("the secret t: the context has no s");
  expect(text).not.toContain("root:");
});

test("credentials of headers go to the registry that they are for", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  await using registry = await debianRegistry({ login: { username: "ann", password: "pw" } });
  await host.must("pull", "-q", "hello");
  const push = async (header: string, value: unknown) => {
    const query = `destination=${registry.host}/h&tlsVerify=false`;
    const response = await fetch(`http://d/v5.0.0/libpod/images/hello/push?${query}`, {
      unix: service.socket,
      method: "POST",
      headers: { [header]: Buffer.from(JSON.stringify(value)).toString("base64") },
    });
    return response.status;
  };
  const ann = { username: "ann", password: "pw" };
  expect(await push("X-Registry-Auth", {})).toBe(500);
  expect(await push("X-Registry-Auth", ann)).toBe(200);
  expect(await push("X-Registry-Auth", { "quay.io": ann })).toBe(500);
  expect(await push("X-Registry-Auth", { [registry.host]: ann })).toBe(200);
  expect(await push("X-Registry-Config", { [registry.host]: ann })).toBe(200);
});

test("what is wrong in a request is told, and nothing is made of it", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  await host.must("pull", "-q", "hello");
  const wrong: [string, string, unknown, number, string][] = [
    ["GET", "images/json?filters={bad", undefined, 400, "invalid filters"],
    ["GET", "images/json?filters={%22x%22:[%22y%22]}", undefined, 400, 'unknown filter "x"'],
    ["GET", "images/json?all=maybe", undefined, 400, "parameter all"],
    ["GET", "images/nope/get", undefined, 404, "nope: image not known"],
    ["GET", "images/hello/get?format=zork", undefined, 400, "parameter format"],
    ["GET", "images/export?references=hello&references=nope", undefined, 404, "nope"],
    ["GET", "images/export", undefined, 400, "no references"],
    ["GET", "images/export?format=docker-archive&compress=1&references=hello", "", 400, "compress"],
    ["POST", "images/load", "no tar", 500, "cut off"],
    ["POST", "images/import?url=file:///etc/passwd", undefined, 400, "no http address"],
    ["POST", "local/images/load?path=etc/x", undefined, 400, "is not absolute"],
    ["POST", "images/pull", undefined, 400, "reference parameter cannot be empty"],
    ["POST", "images/pull?reference=x&policy=zork", undefined, 400, "parameter policy"],
    ["POST", "images/pull?reference=oci-archive:/x", undefined, 400, "only docker transport"],
    ["POST", "images/hello/push?destination=dir:/tmp/x", undefined, 400, "only docker transport"],
    ["POST", "images/hello/push?format=v2s1", undefined, 501, "v2s1"],
    ["POST", "images/hello/tag?tag=x", undefined, 400, "repo parameter is required"],
    ["POST", "images/hello/tag?repo=UP", undefined, 400, "UP"],
    ["POST", "images/scp/hello", undefined, 501, "load it at the other"],
    ["POST", "manifests/UP", undefined, 400, "UP"],
    ["PUT", "manifests/nope", { operation: "update", images: ["x"] }, 404, "nope"],
    ["PUT", "manifests/nope", { operation: "zork" }, 400, "illegal operation"],
    ["POST", "build?dockerfile=-", "", 400, "no name of a Dockerfile"],
    ["POST", "build?remote=/etc", "", 400, "no address"],
    ["POST", "build?remote=-", "", 400, "no address"],
    ["POST", "build?secrets=[%22id=a,src=../../etc/passwd%22]", "", 400, "invalid secret"],
    ["POST", "build?secrets=[%22id=a,env=HOME%22]", "", 400, "unexpected key 'env'"],
    ["POST", "build?additionalbuildcontexts=a=localpath:/etc", "", 501, "is no image"],
    ["POST", "build?ulimits=[%22zork%22]", "", 400, "ulimits"],
    ["POST", "build?networkmode=web", "", 501, "network web"],
    ["POST", "build", "no tar", 400, "no tar"],
    ["POST", "volumes/create", { Name: "../x" }, 400, "invalid volume name"],
    ["POST", "volumes/create", { Name: "v", Labels: { a: 1 } }, 400, "Labels"],
    ["POST", "volumes/create", { Name: "v", Driver: "zork" }, 404, "plugin"],
    ["POST", "volumes/create", "{bad", 400, "invalid JSON"],
    ["POST", "networks/create", { name: "a b" }, 400, "invalid network name"],
    ["POST", "networks/create", { name: "n", subnets: [{ subnet: "zork" }] }, 400, "zork"],
    ["POST", "networks/create", { name: "n", network_interface: "a\nb" }, 400, "link"],
    [
      "POST",
      "networks/create",
      { name: "n", routes: [{ destination: "10.0.0.0/8\nlink del x", gateway: "10.1.1.1" }] },
      400,
      "route",
    ],
    ["POST", "networks/create", { name: "n", network_dns_servers: ["1.1.1.1\nx"] }, 400, "DNS"],
    ["POST", "networks/podman/update", { adddnsservers: ["x\ny"] }, 400, "DNS server"],
    ["DELETE", "networks/podman", undefined, 409, "cannot be removed"],
    ["POST", "secrets/create?name=a/b", "x", 400, "invalid secret name"],
    ["POST", "secrets/create?name=s", "", 400, "0 bytes"],
    ["POST", "secrets/create?name=s", "x".repeat(600_000), 400, "600000 bytes"],
    ["POST", "secrets/create?name=s&driver=zork", "x", 400, "parameter driver"],
  ];
  for (const [method, path, body, status, message] of wrong) {
    const answer = await service.ask(method, `/v5.0.0/libpod/${path}`, body);
    const told = `${path} ${JSON.stringify(body)?.slice(0, 80)}: ${answer.text.slice(0, 300)}`;
    expect({ told, status: answer.status }).toEqual({ told, status });
    expect(JSON.parse(answer.text)).toMatchObject({ response: status });
    expect(JSON.parse(answer.text).message).toContain(message);
  }
  const names = await service.ask("GET", "/v5.0.0/libpod/images/hello/resolve");
  expect(JSON.parse(names.text)).toMatchObject({
    Names: [expect.stringContaining("/hello:latest")],
  });
  expect(await host.must("volume", "ls", "-q")).toBe("");
  expect(await host.must("secret", "ls", "-q")).toBe("");
  expect(await host.must("network", "ls", "-q")).toBe("cooper");
});

/**
 * A service in TypeScript on a Debian image, as people build them: packages from Debian and from npm, a stage
 * that compiles, and one that has what is needed to run. Needs both registries.
 */

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { testHost, users } from "../e2e/host.ts";

const archive = process.env.COOPER_PROGRAMS_IMAGE ?? "";

const files: Readonly<Record<string, string>> = {
  ".dockerignore": "node_modules\ndist\n",
  "package.json": JSON.stringify({
    name: "service",
    version: "1.0.0",
    private: true,
    type: "module",
    scripts: { build: "tsc" },
    dependencies: { express: "4.21.2", zod: "3.24.1" },
    devDependencies: {
      "@types/express": "4.17.21",
      "@types/node": "20.17.16",
      typescript: "5.7.3",
    },
  }),
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "ES2022",
      module: "NodeNext",
      strict: true,
      outDir: "dist",
      rootDir: "src",
      skipLibCheck: true,
    },
    include: ["src"],
  }),
  "src/server.ts": `import express from "express";
import { z } from "zod";

const Item = z.object({ name: z.string().min(1) });
const items: z.infer<typeof Item>[] = [];
const app = express();
app.use(express.json());
app.get("/items", (_request, response) => void response.json(items));
app.post("/items", (request, response) => {
  const parsed = Item.safeParse(request.body);
  if (parsed.success) items.push(parsed.data);
  response.status(parsed.success ? 201 : 400).json(parsed.success ? parsed.data : parsed.error.issues);
});
app.listen(Number(process.env.PORT));
`,
  Dockerfile: `FROM localhost/programs AS node
RUN apt-get update && apt-get install -y --no-install-recommends nodejs && rm -rf /var/lib/apt/lists/*

FROM node AS build
RUN apt-get update && apt-get install -y --no-install-recommends npm && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json ./
RUN npm install --no-audit --no-fund --cafile /etc/ssl/certs/ca-certificates.crt
COPY tsconfig.json ./
COPY src src
RUN npm run build && npm prune --omit=dev

FROM node
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER 1000
CMD ["node", "dist/server.js"]
`,
};

test.each(users)(
  "a TypeScript service is built and serves, as %p",
  async (user) => {
    await using host = await testHost(user);
    await host.must("import", archive, "localhost/programs");
    const context = host.place("context");
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(context, path)), { recursive: true });
      writeFileSync(join(context, path), content);
    }
    // whatever this machine trusts
    const trusted = "/etc/ssl/certs/ca-certificates.crt";
    const volumes = existsSync(trusted) ? ["-v", `${trusted}:${trusted}:ro`] : [];
    const build = () =>
      host.must("build", "-q", "--network", "host", "-t", "service", ...volumes, context);
    const first = await build();
    expect(await build()).toBe(first);
    writeFileSync(join(context, "src/server.ts"), `${files["src/server.ts"]}// changed\n`);
    const begun = await host.cooper(
      "build",
      "--network",
      "host",
      "-t",
      "service",
      ...volumes,
      context,
    );
    expect(begun.stderr).toMatch(/RUN npm install.*\n#\d+ CACHED/);
    using free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const { port } = free;
    free.stop();
    await host.must(
      "run",
      "-d",
      "--name",
      "s",
      "--network",
      "host",
      "-e",
      `PORT=${port}`,
      "service",
    );
    const ask = (body: string) =>
      fetch(`http://127.0.0.1:${port}/items`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      }).then(
        ({ status }) => status,
        () => 0,
      );
    let status = 0;
    for (let tries = 0; tries < 200 && status === 0; tries++) {
      status = await ask('{"name":"a"}');
      if (status === 0) await Bun.sleep(100);
    }
    expect(status).toBe(201);
    expect(await ask('{"name":""}')).toBe(400);
    expect(await host.must("exec", "s", "id", "-u")).toBe("1000");
    await host.must("rm", "-f", "-t", "0", "s");
  },
  900_000,
);

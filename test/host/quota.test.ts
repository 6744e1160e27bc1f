/** Sizes of volumes on a file system with project quotas. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Vm } from "./vm.ts";

let vm: Vm;
beforeAll(async () => {
  vm = await Vm.boot();
}, 400_000);
afterAll(async () => {
  await vm[Symbol.asyncDispose]();
});

test("a volume takes no more than its size and its number of files", async () => {
  await vm.must(`truncate -s 100M /disk; mke2fs -q -t ext4 -O project,quota -E quotatype=prjquota /disk
    mkdir /q; mount -o loop,prjquota /disk /q`);
  const cooper = "cooper --root /q/root --runroot /run/q";
  await vm.must(
    `${cooper} volume create --opt o=size=5m,inodes=20 small; ${cooper} volume create large`,
  );
  const fill = (volume: string) =>
    `${cooper} run --rm -v ${volume}:/v hello sh -c 'dd if=/dev/zero of=/v/f bs=1M count=8 2>/dev/null || echo full; for i in $(seq 30); do touch /v/x$i 2>/dev/null || break; done; ls /v | wc -l'`;
  expect(await vm.must(fill("small"))).toBe("full\n19");
  expect(await vm.must(fill("large"))).toBe("31");
  await vm.must(`${cooper} volume rm small; ${cooper} volume create --opt size=20m small`);
  expect(await vm.must(fill("small"))).toBe("31");
}, 300_000);

/** Makes docs/images: `deno task test tests/e2e/page_images.ts`. */
import { testWith } from "../support/programs/programs.ts";
import { openPage, sendDatagrams, shareBrowser, transfer } from "./page.ts";

const IMAGES = new URL("../../docs/images/", import.meta.url).pathname;

/** Gives the handlers a host name, so that the pictures don't show a real one. */
const ON_GATEWAY = ["unshare", "--uts", "--", "sh", "-c", 'hostname gateway; exec "$@"', "sh"];

const DESKTOP = { width: 1080, height: 1070 }, PHONE = { width: 390, height: 844 };

shareBrowser();

testWith(["chromium", "network namespaces"], "the page's pictures", async () => {
  await using scene = await openPage({ viewport: DESKTOP, colorScheme: "light" }, { within: ON_GATEWAY });
  const { page, relay, udpRelay } = scene;
  await using first = await transfer(scene);
  using _datagrams = sendDatagrams(scene, 1200);
  await page.waitForTimeout(12_000);
  await using second = await transfer(scene);
  await page.waitForTimeout(8_000);
  await page.screenshot({ path: `${IMAGES}page-light.png` });
  relay.admits = udpRelay.admits = false;
  relay.cut("reset");
  await page.locator(".lane.away").waitFor();
  await page.waitForTimeout(3_000);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: `${IMAGES}page-dark.png` });
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(PHONE);
  await page.waitForTimeout(1_500);
  await page.screenshot({ path: `${IMAGES}page-phone.png` });
  await Promise.all([first, second].map((one) => one[Symbol.asyncDispose]()));
});

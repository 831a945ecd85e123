import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

// Parts and views run in the system's own Chromium, without a kernel.
export default defineConfig({
  server: { host: "127.0.0.1" },
  test: {
    include: ["tests/js/**/*.test.ts"],
    api: { host: "127.0.0.1" },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
          args: ["--no-sandbox", "--disable-gpu"],
        },
      }),
      viewport: { width: 1000, height: 800 },
      instances: [{ browser: "chromium" }],
    },
  },
});

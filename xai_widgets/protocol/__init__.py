"""What crosses to the browser: one schema, one codec, and the TypeScript written from them."""

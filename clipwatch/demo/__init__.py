"""The demonstration: sample images, a server that looks at their pixels, the daemon on both."""

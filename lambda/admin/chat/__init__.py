"""The chat: a model on Amazon Bedrock that looks experiments up with tools, and proposes what people confirm."""

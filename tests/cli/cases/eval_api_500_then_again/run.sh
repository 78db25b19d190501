api="openai:m?url=http://127.0.0.1:$PORT/v1&key_env=API_KEY&retries=0&batch=2&parallel=1&price=0.02"
senc eval "$api" --sts t.csv
senc eval "$api" --sts t.csv --report r
senc eval "$api" --sts t.csv --json - >again.json

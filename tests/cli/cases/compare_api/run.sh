api="openai:text-embedding-3-small?url=http://127.0.0.1:$PORT/v1&key_env=API_KEY"
senc compare m "api=$api&price=0.02" "short=$api&price=0.02&dim=4" --retrieval faq --json c.json --html c.html | grep -A 6 "^What"
senc compare m "api=$api&price=1000000" "other=$api&dimensions=5&price=1000000" --quiet --retrieval faq
senc compare m "api=$api&price=1000000" "other=$api&dimensions=5&price=1000000" --quiet --retrieval faq --yes >yes.txt

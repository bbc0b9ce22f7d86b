-- calls: 5
SELECT region, count(*), sum(amount), max(id) FROM sales GROUP BY region ORDER BY sum(amount) DESC;
